"""The time in which nobody of a run has anything to do: the main thread sleeps, and each thread
of a task waits for a reply."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from ansible_econtext import ways

Way = list[ways.Step]

#: Seconds for which a task's own process has the processors: it builds what it needs, and logs in.
_HEAD_START = 0.4

#: Seconds to wait for one who cannot be stopped in the middle of something.
PATIENCE = 2.0


class IdleTime:
    """What is known of who is at work, and one thread that is at work only while nobody else is.

    `bell` rings when the main thread is to wake up.  `may_go_on` says whether that one
    thread may, given whether it is idle time now; it is called with `changed` held.
    """

    def __init__(self, bell: threading.Event, may_go_on: Callable[[bool], bool]) -> None:
        self._bell = bell
        self._may_go_on = may_go_on
        self.changed = threading.Condition()
        self._is_main_asleep = False
        #: Threads of tasks that do not wait for a reply.
        self._busy: set[int] = set()
        #: Ways to slaves that are being started, by the threads of tasks that wait for them.
        self.awaited: dict[int, Way] = {}
        #: When it may be idle time at the earliest, by the monotonic clock.
        self._earliest = 0.0
        self._is_parked = False

    @contextlib.contextmanager
    def main_sleeps(self) -> Iterator[None]:
        with self.changed:
            self._is_main_asleep = True
            self.tell()
        try:
            yield
        finally:
            self._is_main_asleep = False

    @contextlib.contextmanager
    def task_works(self) -> Iterator[None]:
        """The present thread is a task's."""
        number = threading.get_ident()
        with self.changed:
            self._busy.add(number)
        try:
            yield
        finally:
            with self.changed:
                self._busy.discard(number)
                self.tell()

    @contextlib.contextmanager
    def task_waits(self, way: Way | None) -> Iterator[None]:
        """The present thread waits for a reply: if a way is given, for a slave that is being
        started there."""
        number = threading.get_ident()
        if number not in self._busy:
            yield
            return
        with self.changed:
            self._busy.discard(number)
            if way is not None:
                self.awaited[number] = way
            self.tell()
        try:
            yield
        finally:
            with self.changed:
                self.awaited.pop(number, None)
                self._busy.add(number)

    def process_begins(self) -> None:
        """A task is about to have a process of its own."""
        self._earliest = time.monotonic() + _HEAD_START

    def tell(self) -> None:
        """Something has changed; to be called with `changed` held."""
        if self._is_parked and self._may_go_on(self._is_now()):
            self.changed.notify_all()

    def _is_now(self) -> bool:
        is_quiet = self._is_main_asleep and not self._busy and not self._bell.is_set()
        return is_quiet and time.monotonic() >= self._earliest

    # For the one thread

    def wait(self) -> None:
        """Wait until this thread may go on; `changed` is held."""
        if not self._may_go_on(self._is_now()):
            self._is_parked = True
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._may_go_on(self._is_now()))
            self._is_parked = False

    def end(self) -> None:
        """It does nothing any more."""
        with self.changed:
            self._is_parked = True
            self.changed.notify_all()

    def wait_until_parked(self) -> None:
        """Wait until that thread waits, or has ended.  While the main thread is awake, it will."""
        with self.changed:
            self.changed.wait_for(lambda: self._is_parked, PATIENCE)
