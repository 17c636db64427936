"""Calls that wait for the one before them, so that nobody waits for a line in between.

A frame AFTER tells, ahead of the frame that is a call, which call it comes after.
Until that one is over, all frames for it are kept here.
"""

from econtext.target import codec, wire

#: What comes for a channel that is open, or waits to be.
_KEPT = (wire.CALL, wire.DATA, wire.END, wire.CREDIT)


class Series(object):
    """Stands between the frames that come and their handlers.

    `handlers` has a function for each kind of frame, `is_open(channel)` tells whether a
    channel's process is there, `send(kind, channel, body)` sends a frame upward.
    """

    def __init__(self, handlers, is_open, send):
        # type: (dict, object, object) -> None
        self._handlers = handlers
        self._is_open = is_open
        self._send = send
        self._kept = {}  # type: dict  # channel that waits: [(kind, body)]
        self._before = {}  # type: dict  # channel that waits: channel that it waits for
        self._over = set()  # type: set  # channels with a result whose process is still there

    def handle(self, kind, channel, body):
        # type: (int, int, bytes) -> None
        if kind == wire.AFTER:
            self._wait(channel, codec.decode(body))
        elif channel in self._kept and kind in _KEPT:
            self._kept[channel].append((kind, body))
        elif channel in self._kept and kind == wire.CLOSE:
            self._give_up(channel)
        else:
            self._handlers[kind](channel, body)

    def _wait(self, channel, before):
        # type: (int, int) -> None
        if before in self._kept or (self._is_open(before) and before not in self._over):
            self._kept[channel] = []
            self._before[channel] = before

    def _give_up(self, channel):
        # type: (int) -> None
        """It never runs; what waits for it waits for the one before it."""
        del self._kept[channel]
        before = self._before.pop(channel)
        for other, waits_for in list(self._before.items()):
            if waits_for == channel:
                self._before[other] = before
        self._send(wire.EXIT, channel, codec.encode(-15))

    def over(self, channel, is_gone=False):
        # type: (int, bool) -> None
        """A call has its result, or its process is gone: what waits for it begins."""
        self._over.add(channel)
        if is_gone:
            self._over.discard(channel)
        for other, waits_for in list(self._before.items()):
            if waits_for == channel:
                del self._before[other]
                for kind, body in self._kept.pop(other):
                    self._handlers[kind](other, body)

    def give_up(self):
        # type: () -> None
        """Nothing that waits runs any more."""
        self._kept = {}
        self._before = {}
