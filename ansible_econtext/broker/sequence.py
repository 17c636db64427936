"""Requests of one order that are done one after the other, none of them waiting for a reply."""

from concurrent.futures import Future
from typing import Any

from ansible_econtext.broker.calls import CollectingCall
from econtext.controller.link import Link


class Sequence:
    """Requests of a loop to one slave that run one after another without waiting for replies."""

    def __init__(self) -> None:
        #: Whether one of them was not sent: then none that comes later is, either.
        self.is_broken = False
        self._last: CollectingCall | None = None
        self._run: Future[Any] | None = None

    @property
    def has_active_call(self) -> bool:
        """Whether a call is under way."""
        return self._last is not None and not self._last.future.done()

    @property
    def has_active_run(self) -> bool:
        """Whether something is under way in a process that stays, which no call can wait for."""
        return self._run is not None and not self._run.done()

    def follow(self, run: "Future[Any]") -> None:
        """What comes next is done by a process that stays, which keeps the order by itself."""
        self._run = run

    def call(self, link: Link, *call: Any) -> CollectingCall:
        """Begin the next call (`CollectingCall`): after the last one, if that still runs."""
        last = self._last
        after = (
            last.number if last is not None and self.has_active_call and last.link is link else 0
        )
        if not after:  # else nobody waited for what went before
            link.round_trips += 1
        self._last = CollectingCall(link, *call, after=after)
        return self._last
