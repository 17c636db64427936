"""Requests of one line that are done one after the other, none of them waiting for a reply."""

from ansible_econtext.collecting import CollectingCall
from econtext.controller.link import Link


class Order:
    """What was sent to a slave last, for what comes after it."""

    def __init__(self) -> None:
        #: Whether one of them was not sent: then none that comes later is, either.
        self.is_broken = False
        self._last: CollectingCall | None = None

    def last(self, link: Link) -> int:
        """The channel of the call that the next one is to wait for; 0 where there is none."""
        last = self._last
        if last is None or last.link is not link or last.future.done():
            return 0
        return last.number

    def add(self, call: CollectingCall) -> None:
        self._last = call
