"""Pipeline of a loop's items, sent without waiting for each other's replies.

A few threads take the items in turn.  One thread at a time prepares an item, up to the request for
its module.  When that is sent, another thread prepares the next item, while the first waits for
its reply.  All requests of a loop go over one connection, in order, and run one after another.

An item that needs more than one request like the scout's runs alone: it waits until all items
before it are over, and the items behind it wait for it.

The first item is the scout, whose request is the pattern for the others.  If the broker did not
have its module, it is likely to have no slave for the host either.  Then the items behind the scout
are sent while it waits for its reply.
"""

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from ansible_econtext.client import client
from ansible_econtext.client.messages import Work
from ansible_econtext.client.multiplexer import Multiplexer
from ansible_econtext.core import fork_gate
from ansible_econtext.pipeline import slot

#: Items under way at most, each with a thread: with 50 ms to the target and 4 ms for an item, 14
#: keep it busy.
_FEW = 16

#: The same while the scout has no reply, as the broker may have to log in.  A process that has as
#: many threads gives a loop no more than `_FEW`.
_MANY = 64

_pipelines: "weakref.WeakSet[LoopPipeline]" = weakref.WeakSet()


def stop() -> None:
    """Stop all pipelines, as the play is over or interrupted; for the main thread."""
    for pipeline in list(_pipelines):
        pipeline.stop()


class LoopPipeline:
    """Pipeline of one loop of `count` items.

    `connect` returns a connection to the broker.  `runner` returns, for each thread, a function
    that runs the item of a number and returns its outcome.
    """

    def __init__(
        self,
        count: int,
        connect: Callable[[], client.Client],
        runner: Callable[[], Callable[[int], Any]],
    ) -> None:
        self._count = count
        self._connect = connect
        self._runner = runner
        self._multiplexer: Multiplexer | None = None
        self._threads: list[threading.Thread] = []
        #: Held by the one thread that prepares an item.
        self._preparing = threading.Lock()
        self._changed = threading.Condition()
        self._next = 0
        self._idle = 0
        #: Outcomes that the task thread has not taken yet, and the number of the item before
        #: which it has taken all.
        self._outcomes: dict[int, Any] = {}
        self._taken = 0
        #: Items that may be under way.
        self._window = _FEW
        self._closed = False
        #: What the requests of all items have in common; None if not known.
        self.pattern: object = None
        #: Whether each item from now on runs alone.
        self.is_broken = False
        _pipelines.add(self)

    # For the task thread

    def run(self, number: int, alone: Callable[[], Any]) -> Any:
        """Return the outcome of the next item, or raise its error.

        Until the pattern is known, `alone` runs the item, in the task thread.
        Raises client.BrokerGone if the play is over.
        """
        if self._multiplexer is None and self.pattern is not None:
            self._begin(number)
        if self._multiplexer is None:
            with self._scouting(number):
                return alone()
        with fork_gate.waiting(), self._changed:
            self._changed.wait_for(lambda: number in self._outcomes or self._closed)
        with self._changed:
            if number not in self._outcomes:
                raise client.BrokerGone("the play is over")
            self._taken = number + 1
            self._changed.notify_all()
            outcome = self._outcomes.pop(number)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    @contextlib.contextmanager
    def _scouting(self, number: int) -> Iterator[None]:
        try:
            with slot.activated(slot.Slot(self, number, is_scout=True)):
                yield
        finally:
            with self._changed:
                self._taken = number + 1
                self._window = _FEW
                self._changed.notify_all()

    def _begin(self, number: int) -> None:
        self._multiplexer = Multiplexer(self._connect())
        self._next = self._taken = number
        self._start_first_thread()

    def begin_behind(self, number: int, work: Work) -> None:
        """Send the scout's request under its number, and start to prepare the next items."""
        multiplexer = Multiplexer(self._connect())
        multiplexer.send(number + 1, work)  # 0 is no number
        self._multiplexer = multiplexer
        self._next, self._taken = number + 1, number
        self._window = _MANY
        if self._next < self._count and not self._closed:
            self._start_first_thread()

    def _start_first_thread(self) -> None:
        try:
            with self._changed:
                self._start_thread()
        except RuntimeError:  # no thread would run the other items
            self.stop()
            raise

    def _start_thread(self) -> None:
        thread = threading.Thread(
            target=self._compute,
            args=(fork_gate.current(), self._runner()),
            name="items of a loop",
            daemon=True,
        )
        self._idle += 1
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads
            self._idle -= 1
            if not self._threads:
                raise
        else:
            self._threads.append(thread)

    def stop(self) -> None:
        """Begin no item and wait for no reply from now on; for any thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._multiplexer is not None and self._taken < self._count:
            self._multiplexer.hang_up()

    def close(self) -> None:
        """Stop, and wait until the threads have ended."""
        self.stop()
        with fork_gate.waiting():
            for thread in self._threads:
                thread.join()
        if self._multiplexer is not None:
            self._multiplexer.close(is_reusable=self._taken == self._count and not self.is_broken)

    # For threads of items

    def _compute(self, gate: fork_gate.ForkGate | None, run: Callable[[int], Any]) -> None:
        try:
            with gate.computing() if gate is not None else contextlib.nullcontext():
                self._work(run)
        except (
            BaseException
        ):  # a fault of econtext: the task thread would wait for its item for ever
            self.stop()
            raise

    def _work(self, run: Callable[[int], Any]) -> None:
        while True:
            with fork_gate.waiting():
                self._preparing.acquire()
            number = None
            try:
                number = self._take_number()
            finally:
                if number is None:
                    self._preparing.release()
            if number is None:
                return
            own = slot.Slot(self, number)
            with slot.activated(own):
                try:
                    outcome = run(number)
                except BaseException as error:
                    outcome = error
            own.end()
            with self._changed:
                self._outcomes[number] = outcome
                self._idle += 1
                self._changed.notify_all()

    def _take_number(self) -> int | None:
        with fork_gate.waiting(), self._changed:
            self._changed.wait_for(lambda: self._closed or self._next < self._taken + self._window)
        with self._changed:
            if self._closed or self._next == self._count:
                return None
            self._idle -= 1
            self._next += 1
            return self._next - 1

    def take_back(self) -> None:
        """Let another item prepare; for the thread that prepares one."""
        self._preparing.release()

    def pass_on(self) -> None:
        """Let an idle thread prepare the next item; start a thread if none is idle."""
        self.take_back()
        with self._changed:
            is_wanted = not self._closed and self._next < self._count
            if is_wanted and not self._idle and self._may_start_thread():
                self._start_thread()

    def _may_start_thread(self) -> bool:
        return len(self._threads) < _FEW or threading.active_count() < _MANY

    def wait_for_those_before(self, number: int) -> None:
        """Wait until each item before this one is over; raises client.BrokerGone."""
        with fork_gate.waiting(), self._changed:
            self._changed.wait_for(lambda: self._closed or self._are_over(number))
        if self._closed:  # an item before this one may never have run
            raise client.BrokerGone("the play is over")

    def _are_over(self, number: int) -> bool:
        return all(each in self._outcomes for each in range(self._taken, number))

    @property
    def multiplexer(self) -> Multiplexer:
        assert self._multiplexer is not None
        return self._multiplexer
