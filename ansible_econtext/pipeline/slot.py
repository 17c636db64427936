"""Slot of a loop's item, which decides what its thread may send, and when.

A thread without a slot sends its requests at once.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ansible_econtext.client import messages
from ansible_econtext.client.messages import Reply, Work
from ansible_econtext.client.route import key_of

if TYPE_CHECKING:
    from ansible_econtext.pipeline.loop_pipeline import LoopPipeline


class Slot:
    """Place of one item in the order of its loop; for the thread that runs the item.

    The scout, which runs in the task thread, sets the pattern of the other items' requests.  Any
    other item may prepare until it has submitted its request.
    """

    def __init__(self, pipeline: "LoopPipeline", number: int, is_scout: bool = False) -> None:
        self._pipeline = pipeline
        self._number = number
        #: Whether the item may send requests past the pipeline.
        self.is_scout = is_scout
        #: Whether its thread holds the pipeline's right to prepare.
        self._prepares = not is_scout
        self._submitted = 0

    def submit(self, work: Work) -> Reply | None:
        """Send a request in the sequence of its loop; return its reply.

        Returns None if the caller must send the request itself, after all items before this one
        are over.  Raises client.BrokerGone.
        """
        pattern = _pattern_of(work)
        if self.is_scout:
            return self._submit_scout(work, pattern)
        is_usual = self._prepares and pattern is not None and pattern == self._pipeline.pattern
        if not is_usual or self._pipeline.is_broken:
            self.wait_until_active()
            return None
        try:
            self._pipeline.multiplexer.send(self._number + 1, work.replace(in_sequence=True))
        finally:
            self._prepares = False
            self._pipeline.pass_on()
        return self._reply()

    def _submit_scout(self, work: Work, pattern: object) -> Reply | None:
        # The broker asks for a payload that it does not have; a second request brings it.
        action = work.action
        has_payload = isinstance(action, messages.Module) and action.archive is not None
        is_first = self._submitted == 0 or has_payload
        self._pipeline.pattern = pattern if is_first else None
        self._submitted += 1
        if self._pipeline.pattern is None or not has_payload:
            return None
        self.is_scout = False
        self._pipeline.begin_behind(self._number, work.replace(in_sequence=True))
        return self._reply(is_first=True)

    def _reply(self, is_first: bool = False) -> Reply | None:
        reply = self._pipeline.multiplexer.wait(self._number + 1)
        if not isinstance(reply, messages.Ended | messages.Died):
            # The broker replies NotBegun to each item after it.
            self._pipeline.is_broken = True
        is_lost = isinstance(reply, messages.NotReached)
        if is_lost or isinstance(reply, messages.PayloadWanted | messages.NotBegun):
            # The broker did nothing for it.
            self.wait_until_active()
            self._pipeline.multiplexer.wait_until_quiet()
            # The first item made the attempt that failed; each of the others makes its own.
            return reply if is_first and is_lost else None
        return reply

    def wait_until_active(self) -> None:
        """Wait until all items before this one are over; raises client.BrokerGone."""
        if self.is_scout:
            self._pipeline.pattern = None
        else:
            self._pipeline.wait_for_those_before(self._number)

    def end(self) -> None:
        """Let the next item prepare, if this one submitted nothing."""
        if self._prepares:
            self._prepares = False
            self._pipeline.take_back()


def _pattern_of(work: Work) -> object:
    """Return what all requests of a loop share; None if the request fits no pipeline."""
    action = work.action
    if not isinstance(action, messages.Module) or work.deferred or work.changes:
        return None
    return key_of(work.route), action.identity, action.interpreter


#: The slot of the present thread's item.
_slot: contextvars.ContextVar[Slot | None] = contextvars.ContextVar("econtext", default=None)


@contextlib.contextmanager
def activated(slot: Slot) -> Iterator[None]:
    """Make this slot that of the present thread, for the functions below."""
    token = _slot.set(slot)
    try:
        yield
    finally:
        _slot.reset(token)


def submit(work: Work) -> Reply | None:
    """Send a request in the sequence of its loop; return its reply.

    Returns None if the caller must send the request itself, now.  Raises client.BrokerGone.
    """
    slot = _slot.get()
    return slot.submit(work) if slot is not None else None


def is_active() -> bool:
    """Return whether the present thread may send requests past the pipeline."""
    slot = _slot.get()
    return slot is None or slot.is_scout


def wait_until_active() -> None:
    """Wait until the present thread may send requests past the pipeline.

    Raises client.BrokerGone.
    """
    slot = _slot.get()
    if slot is not None:
        slot.wait_until_active()
