"""Requests of one line that are done one after the other, none of them waiting for a reply."""

from typing import Any

from ansible_econtext.collecting import CollectingCall
from econtext.controller.link import Link


class Order:
    """What was sent to a slave last, for what comes after it."""

    def __init__(self) -> None:
        #: Whether one of them was not sent: then none that comes later is, either.
        self.is_broken = False
        self._last: CollectingCall | None = None

    def call(self, link: Link, *call: Any) -> CollectingCall:
        """Begin the next call (`CollectingCall`): after the last one, if that still runs."""
        last = self._last
        is_under_way = last is not None and last.link is link and not last.future.done()
        after = last.number if last is not None and is_under_way else 0
        if not after:  # else nobody waited for what went before
            link.round_trips += 1
        self._last = CollectingCall(link, *call, after=after)
        return self._last
