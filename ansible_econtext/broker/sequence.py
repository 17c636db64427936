"""Requests to one slave that run one after another without waiting for replies."""

from concurrent.futures import Future
from typing import Any

from ansible_econtext.broker.calls import CollectingCall
from econtext.controller.link import Link


class OutOfOrder(Exception):
    """Raised if a call would not wait for the one before it, which another slave runs."""


class Sequence:
    """Order of one loop's requests to a slave, as the broker keeps it."""

    def __init__(self) -> None:
        #: Whether a request was not run as sent: then all later ones have the reply NotBegun.
        self.is_broken = False
        self._last: CollectingCall | None = None
        self._run: Future[Any] | None = None

    @property
    def has_active_call(self) -> bool:
        """Whether a call of the sequence is running."""
        return self._last is not None and not self._last.future.done()

    @property
    def has_active_run(self) -> bool:
        """Whether a run in a warm process is active, which no call can wait for."""
        return self._run is not None and not self._run.done()

    def follow(self, run: "Future[Any]") -> None:
        """Note a run in a warm process, which keeps the order of its runs by itself."""
        self._run = run

    def call(self, link: Link, *call: Any) -> CollectingCall:
        """Begin the next call; the slave runs it after the last one, if that is running.

        `call` are the arguments of CollectingCall.  Raises EcontextError if the slave has gone, and
        OutOfOrder if the last call runs on another one: the slave was replaced meanwhile.
        """
        after = 0
        if self._last is not None and self.has_active_call:
            if self._last.link is not link:
                raise OutOfOrder
            after = self._last.number
        else:  # it goes out after a wait for the call before
            link.round_trips += 1
        self._last = CollectingCall(link, *call, after=after)
        return self._last
