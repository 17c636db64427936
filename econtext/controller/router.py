"""Router: owner of the loop's thread and of all slaves started through it."""

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from econtext.controller import sources
from econtext.controller.context import Context, Starter
from econtext.controller.errors import EcontextError
from econtext.controller.launch import Launch, Starting
from econtext.controller.link import Link
from econtext.target.loop import Loop

T = TypeVar("T")

#: Seconds that slaves have to end by themselves.
_PATIENCE = 6.0

logger = logging.getLogger("econtext")


class Router(Starter):
    """Starter of slaves, and a context manager at whose end all of them end.

    For any thread except its own, which runs the loop.

    `offer` names packages, besides the called function's own, that a target may
    import from the controller.  `log_level` is the lowest level of log records
    that targets send.
    """

    def __init__(self, offer: Iterable[str] = (), log_level: int = logging.INFO) -> None:
        self.log_level = log_level
        self._offer = tuple(offer)
        self._loop = Loop()
        self._loop.on_error = _report
        #: The starts of this machine's own processes, until these have ended.
        self._starts: set[Starting] = set()
        self._closed = False
        #: Whether the loop was told to stop, and takes no callback any more.
        self._stopped = False
        self._ended = threading.Condition()
        self._thread = threading.Thread(target=self._loop.run, name="econtext", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Router":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def launch(self, plan: Launch) -> Context:
        return self.launch_through(None, plan)

    def launch_through(self, context: Context | None, plan: Launch) -> Context:
        """Start a slave through that of a context, or on this machine; raises LaunchError."""
        parent = context._link if context is not None else None
        if parent is not None:
            plan = plan._replace(name=f"{parent.name}.{plan.name}")
        outcome: Future[Link] = Future()

        def done(result: Link | EcontextError) -> None:
            if isinstance(result, EcontextError):
                outcome.set_exception(result)
            else:
                outcome.set_result(result)

        def begin() -> None:
            if self._closed:
                done(EcontextError("the router is closed"))
                return
            try:
                with self._ended:
                    if parent is None:
                        self._starts.add(begun := Starting(self._loop, plan, None, done, gone))
                    else:
                        begun = Starting(self._loop, plan, parent, done)
            except Exception as error:  # words that no command can have
                outcome.set_exception(error)
                return
            running.append(begun)

        def gone() -> None:
            with self._ended:
                self._starts -= set(running)
                self._ended.notify_all()

        running: list[Starting] = []
        self.post(begin)
        return Context(self, outcome.result())

    @property
    def closed(self) -> bool:
        """Whether the router has ended, and all slaves with it."""
        return not self._thread.is_alive()

    def offered(self, module: str) -> tuple[str, ...]:
        """Return the packages that a call of a function of `module` may import from here."""
        own = () if sources.is_everywhere(module) else (module.partition(".")[0],)
        return (*own, *self._offer) if own or self._offer else ()

    def post(self, callback: Callable[[], Any]) -> None:
        """Call `callback` in the loop's thread, later; raises EcontextError at the end."""
        with self._ended:
            if self._stopped or not self._thread.is_alive():
                raise EcontextError("the router is closed")
            self._loop.post(callback)

    def on_loop(self, function: Callable[[], T]) -> T:
        """Call `function` in the loop's thread, and return what it returns.

        Raises what `function` raises.
        """
        if threading.current_thread() is self._thread:
            return function()
        made: Future[T] = Future()

        def run() -> None:
            try:
                made.set_result(function())
            except BaseException as error:
                made.set_exception(error)

        self.post(run)
        return made.result()

    def close(self) -> None:
        """End all slaves, and wait until their processes have ended."""
        with contextlib.suppress(EcontextError):  # it was closed before
            self.post(self._end)
            if not self._wait():
                self.post(self._kill)
                self._wait()
            with self._ended:
                self.post(self._loop.stop)
                self._stopped = True
            self._thread.join()
            self._loop.close()
        self._thread.join()

    def _wait(self) -> bool:
        with self._ended:
            return self._ended.wait_for(lambda: not self._starts, _PATIENCE)

    def _end(self) -> None:
        self._closed = True
        for begun in list(self._starts):
            begun.close()

    def _kill(self) -> None:
        for begun in list(self._starts):
            begun.kill()


def _report(callback: object, error: Exception) -> None:
    """Log an internal error, which must not end the thread that serves all calls."""
    if not sys.is_finalizing():
        logger.error("internal error in %r", callback, exc_info=error)
