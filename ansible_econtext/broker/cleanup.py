"""Removal of the temporary directories of tasks, many in one call."""

from collections.abc import Callable, Sequence

from ansible_econtext.broker import target_modules
from ansible_econtext.broker.calls import CollectingCall
from econtext.controller.errors import EcontextError
from econtext.controller.link import Link
from econtext.target import wire
from econtext.target.loop import Loop

#: Seconds that a directory may stay: a call process costs more than one removal.
_PATIENCE = 0.2

Done = Callable[[], None]


class Cleanup:
    """Directories on one slave that wait to be removed."""

    def __init__(self, link: Link, loop: Loop) -> None:
        self._link = link
        self._loop = loop
        self._paths: list[str] = []
        self._done: list[Done] = []

    def add(self, paths: Sequence[str], done: Done) -> None:
        """Remove these soon, with others; then call `done`, even after a failure."""
        if not self._done:
            self._loop.call_later(_PATIENCE, self.begin)
        self._paths += paths
        self._done.append(done)

    def begin(self) -> None:
        """Begin to remove the waiting directories now, without a wait for more."""
        if not self._done:
            return
        paths, self._paths = self._paths, []
        done, self._done = self._done, []

        def finished(future: object) -> None:
            for each in done:
                each()

        try:
            target_modules.provide(self._link)
            call = CollectingCall(self._link, target_modules.FILES, "remove_all", paths)
        except EcontextError:  # the slave is gone
            finished(None)
            return
        call.end(wire.STDIN)
        call.future.add_done_callback(finished)
