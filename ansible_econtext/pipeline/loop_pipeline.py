"""The items of a loop, sent to the target without waiting for each other.

A few threads take the items in turn.  One at a time prepares an item, up to the request for its
module; when that is sent, the next one's turn begins, while the first waits for its reply.  All
requests of a loop go over one connection, in order, and the target runs one after the other.

What is not just one request like the first item's is done alone: after everything before it is
over, and before anything that comes after it begins.

The first item is the scout: what it asks for shows what there is to be like.  If its module is one
that the broker did not have, the host is likely to be one that it has no slave for: then the items
after it are sent behind it, while it waits for that.
"""

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from ansible_econtext.client import client
from ansible_econtext.client.multiplexer import Multiplexer, Reply
from ansible_econtext.client.route import key_of
from ansible_econtext.core import fork_gate
from ansible_econtext.pipeline import slot

#: Items under way at the most, each of which has a thread: with 50 ms to the target and 4 ms for an
#: item, 14 keep it busy.
_FEW = 16

#: The same while the first one has no reply, as it may have to log in; and threads of this process,
#: whosoever they are, with which a loop is left to its few.
_MANY = 64

_loops: "weakref.WeakSet[Loop]" = weakref.WeakSet()


def stop() -> None:
    """Stop all loops: the play is over, or interrupted."""
    for loop in list(_loops):
        loop.stop()


class Loop:
    """One loop of `count` items.  `connect` connects to the broker; `runner` makes, for each
    thread, what runs the item of a number there and gives what comes of it."""

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
        #: Items that are over, and what came of those that nobody took yet.
        self._over: set[int] = set()
        self._outcomes: dict[int, Any] = {}
        self._taken = 0
        #: How many may be under way.
        self._window = _FEW
        self._closed = False
        #: What the request of each item is to be like.
        self.pattern: object = None
        #: Whether everything that comes is done alone.
        self.is_broken = False
        _loops.add(self)

    # For the thread of the task

    def run(self, number: int, alone: Callable[[], Any]) -> Any:
        """What comes of the item of this number: from a thread of ours, or from `alone`, which
        runs it here and now, for as long as it is not known what the requests are like.

        To be called for each number in turn.
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
        token = slot.take(_ItemsTurn(self, number, is_scout=True))
        try:
            yield
        finally:
            slot.put_back(token)
            with self._changed:
                self._over.add(number)
                self._taken = number + 1
                self._window = _FEW
                self._changed.notify_all()

    def _begin(self, number: int) -> None:
        self._multiplexer = Multiplexer(self._connect())
        self._next = self._taken = number
        self._start_first_thread()

    def begin_behind(self, number: int, request: dict[str, Any]) -> None:
        """Send the request of the scout, which has this number, and have the items after it
        prepared meanwhile."""
        multiplexer = Multiplexer(self._connect())
        multiplexer.send(number, request)
        self._multiplexer = multiplexer
        self._next, self._taken = number + 1, number
        self._window = _MANY
        if self._next < self._count and not self._closed:
            self._start_first_thread()

    def _start_first_thread(self) -> None:
        try:
            with self._changed:
                self._start_thread()
        except RuntimeError:  # nobody would do the other items
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
        """Have nothing more begun; what is under way is of no more interest."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._multiplexer is not None and self._taken < self._count:
            self._multiplexer.hang_up()

    def close(self) -> None:
        """Stop, and wait until the threads are gone: none is started any more."""
        self.stop()
        with fork_gate.waiting():
            for thread in self._threads:
                thread.join()
        if self._multiplexer is not None:
            self._multiplexer.close(is_reusable=self._taken == self._count and not self.is_broken)

    # For our threads

    def _compute(self, gate: fork_gate.ForkGate | None, run: Callable[[int], Any]) -> None:
        with gate.computing() if gate is not None else contextlib.nullcontext():
            self._work(run)

    def _work(self, run: Callable[[int], Any]) -> None:
        while True:
            with fork_gate.waiting():
                self._preparing.acquire()
            number = self._take_number()
            if number is None:
                self._preparing.release()
                return
            turn = _ItemsTurn(self, number)
            slot.take(turn)
            try:
                outcome = run(number)
            except BaseException as error:
                outcome = error
            turn.end()
            with self._changed:
                self._outcomes[number] = outcome
                self._over.add(number)
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
        """An item was prepared, and nothing of it is under way."""
        self._preparing.release()

    def pass_on(self) -> None:
        """The next item is to be prepared: by whoever is idle, or by one more thread."""
        self.take_back()
        with self._changed:
            is_wanted = not self._closed and self._next < self._count
            if is_wanted and not self._idle and self._may_start_thread():
                self._start_thread()

    def _may_start_thread(self) -> bool:
        return len(self._threads) < _FEW or threading.active_count() < _MANY

    def wait_for_those_before(self, number: int) -> None:
        first = self._taken
        with fork_gate.waiting(), self._changed:
            self._changed.wait_for(
                lambda: self._closed or all(each in self._over for each in range(first, number))
            )
        if self._closed:  # and what came before it may never be done
            raise client.BrokerGone("the play is over")

    @property
    def multiplexer(self) -> Multiplexer:
        assert self._multiplexer is not None
        return self._multiplexer


class _ItemsTurn:
    """An item's turn to prepare, which it has until its request is sent."""

    def __init__(self, loop: Loop, number: int, is_scout: bool = False) -> None:
        self._loop = loop
        self._number = number
        self._is_scout = is_scout
        #: Whether its host may be turned to: after the scout it has been, and requests follow.
        self.has_come = is_scout
        self.has_it = not is_scout
        self._asked = 0

    def ask(self, request: dict[str, Any], connected: Callable[[], client.Client]) -> Reply | None:
        pattern = _pattern(request)
        in_order = {**request, "in_order": True}
        if self._is_scout:
            # A payload that the broker does not have is asked for, and sent with a second request.
            is_first = self._asked == 0 or "archive" in request
            self._loop.pattern = pattern if is_first else None
            self._asked += 1
            if self._loop.pattern is None or "archive" not in request:
                return None
            self._is_scout = False
            self._loop.begin_behind(self._number, in_order)
            return self._reply(is_first=True)
        is_usual = self.has_it and pattern is not None and pattern == self._loop.pattern
        if not is_usual or self._loop.is_broken:
            self.alone()
            return None
        try:
            self._loop.multiplexer.send(self._number, in_order)
        finally:
            self.has_it = False
            self._loop.pass_on()
        return self._reply()

    def _reply(self, is_first: bool = False) -> Reply | None:
        reply = self._loop.multiplexer.wait(self._number)
        is_lost = reply.get("failed") == "launch"
        if {"need", "again"} & set(reply) or is_lost:
            # Nothing of it was done, nor of what comes after it: that is over when it has replies.
            self._loop.is_broken = True
            self.alone()
            self._loop.multiplexer.wait_until_quiet()
            # The first one made the attempt that failed; each of the others makes its own.
            return reply if is_first and is_lost else None
        return reply

    def alone(self) -> None:
        if self._is_scout:
            self._loop.pattern = None
        else:
            self._loop.wait_for_those_before(self._number)

    def end(self) -> None:
        """The item is over."""
        if self.has_it:
            self.has_it = False
            self._loop.take_back()


def _pattern(request: dict[str, Any]) -> object:
    """What all requests of a loop have in common; None for one that is to be made alone."""
    if request["do"] != "module" or request["before"]:
        return None
    return key_of(request["route"]), request["identity"], request["interpreter"]
