"""Gate between the threads of ansible-playbook and forks of it.

A fork copies every lock as it is, and only the thread that forks.  So a fork happens only when
no other thread is at work:

* One task thread computes at a time.  It gives its turn back while it waits for a reply.
* The main thread gives its own lock back while it sleeps.

A fork by the main thread waits until no task thread computes, a fork by a task thread until the
main thread sleeps, too.  So does a task thread that reads what the main thread changes.  Neither
waits for a task to end.  The thread in which a stock strategy reads results is not stopped;
ansible-core itself forks beside it, with the display's lock held.

Lock order: the main thread's, then the turn.  Functions of this module do nothing in a thread or
process that is no task thread.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

#: Seconds for which the main thread waits for a task thread that is to be alone.
_LONGEST_PAUSE = 0.05


class Moved(BaseException):
    """Raised in a task thread whose task went on, and ended, in a process of its own.

    A BaseException, so that ansible-core does not catch it.
    """


class ForkGate:
    """Fork gate of one play."""

    def __init__(self) -> None:
        #: Held by the main thread while it is awake, and by a task thread that is alone.
        self._main = threading.Lock()
        self._is_main_awake = False
        self._is_over = False
        #: Task threads that wait to be alone, counted with the turn held.
        self._waiting_alone = 0
        self._was_alone = threading.Event()
        #: Held by the one task thread that computes.
        self._turn = threading.Lock()
        #: Whether the main thread wants to fork: it precedes all threads that wait for a turn.
        self._is_wanted = False
        self._reopened = threading.Event()

    # For the main thread

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Make this thread the main thread of a play, awake except in `main_sleeps`."""
        self._wake()
        try:
            yield
        finally:
            self._is_over = True
            if self._is_main_awake:
                self._main.release()

    @contextlib.contextmanager
    def main_sleeps(self) -> Iterator[None]:
        """Let task threads be alone while the main thread does nothing."""
        self._is_main_awake = False
        self._was_alone.clear()
        self._main.release()
        try:
            yield
            if self._waiting_alone:  # else this thread would take the lock before the waiting ones
                self._was_alone.wait(_LONGEST_PAUSE)
        finally:
            self._wake()

    def pause(self) -> None:
        """Let a task thread be alone, if one waits for that."""
        if self._waiting_alone:
            with self.main_sleeps():
                pass

    def _wake(self) -> None:
        self._main.acquire()  # an interrupt may end this: then it is not awake
        self._is_main_awake = True

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Let no task thread compute, so that the main thread can fork."""
        self._reopened.clear()
        self._is_wanted = True
        try:
            with self._turn:
                yield
        finally:
            self._is_wanted = False
            self._reopened.set()

    # For task threads

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Make the present thread a task thread, which computes except in `waiting`."""
        self._take_turn()
        _own.gate = self
        try:
            yield
        finally:
            _own.gate = None
            self._turn.release()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Give the turn back for a wait, in which the present thread holds no lock."""
        self._turn.release()
        try:
            yield
        finally:
            self._take_turn()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the main thread asleep while the present task thread computes.

        Used to fork, and to read what the main thread changes.  Raises RuntimeError if the play is
        over.
        """
        if _own.is_alone:
            yield
            return
        owner = os.getpid()
        self._waiting_alone += 1
        self._turn.release()
        try:
            self._main.acquire()
        finally:
            self._take_turn()
            self._waiting_alone -= 1
        _own.is_alone = True
        try:
            if self._is_over:
                raise RuntimeError("the play is over")
            yield
        finally:
            # A fork has a copy of the event, which the main thread may be about to wait for: its
            # lock may be held there for ever.
            if os.getpid() == owner:
                self.end_alone()
            _own.is_alone = False

    def end_alone(self) -> None:
        """Let the main thread go on before `alone` ends, as the present task moved."""
        if _own.is_alone:
            _own.is_alone = False
            self._main.release()
            self._was_alone.set()

    def _take_turn(self) -> None:
        while True:
            self._turn.acquire()
            if not self._is_wanted:
                return
            self._turn.release()
            self._reopened.wait()


class _Own(threading.local):
    """State of the present thread."""

    #: The gate whose task thread it is; None in other threads.
    gate: ForkGate | None = None
    #: Whether it keeps the main thread asleep (`ForkGate.alone`).
    is_alone = False
    #: Whether it has a descriptor open that no fork may copy.
    keeps_turn = False
    #: Moves its task; None in a thread of a loop's items.
    mover: Callable[[str], None] | None = None
    #: Whether its task moved.
    has_moved = False


_own = _Own()


def current() -> ForkGate | None:
    """Return the gate of the present task thread; None in other threads and processes."""
    return _own.gate


def waiting() -> contextlib.AbstractContextManager[None]:
    """Give the present task thread's turn back for a wait, unless `keeping_turn`.

    The thread must hold no lock.
    """
    if _own.gate is None or _own.keeps_turn:
        return contextlib.nullcontext()
    return _own.gate.waiting()


@contextlib.contextmanager
def keeping_turn() -> Iterator[None]:
    """Keep the turn in each `waiting`, as a descriptor is open that no fork may copy."""
    _own.keeps_turn = True
    try:
        yield
    finally:
        _own.keeps_turn = False


def sleep(seconds: float) -> None:
    """Sleep, as `time.sleep` does, while other task threads compute."""
    with waiting():
        time.sleep(seconds)


def leave() -> None:
    """Make the present thread no task thread, in a fork, which has no other thread."""
    _own.gate = None


def move_by(mover: Callable[[str], None]) -> None:
    """Set the function that `move` calls with its reason, in the present task thread."""
    _own.mover = mover


def move(reason: str) -> None:
    """Move the present task to a process of its own, in which this returns.

    In the thread, raises Moved when that process has ended.  Does nothing in any other thread or
    process.  Raises RuntimeError in a thread of a loop's items, which is given only items that need
    no process.
    """
    if _own.gate is None:
        return
    if _own.mover is None:
        raise RuntimeError(f"econtext: an item that is run ahead needs a process: {reason}")
    _own.mover(reason)


def can_move() -> bool:
    """Return whether `move` moves, or has nothing to do."""
    return _own.gate is None or _own.mover is not None


def note_move() -> None:
    """Note that the present thread's task goes on in another process."""
    _own.has_moved = True


def has_moved() -> bool:
    """Return whether the present thread's task went on in another process.

    Then only that process may talk to the host.
    """
    return _own.has_moved
