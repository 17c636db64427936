"""Calls that run one after another without a round trip between them.

A frame AFTER names, ahead of a CALL frame, the call that this one comes after.
Until that call has ended, all frames for the later one are kept here.
"""

from econtext.target import codec, wire

#: Kinds of frames for an open channel, which are kept while it waits.
_KEPT = (wire.CALL, wire.DATA, wire.END, wire.CREDIT)


class Series(object):
    """Filter between incoming frames and their handlers, which keeps waiting calls.

    `handlers` has a function for each kind of frame, `is_open(channel)` tells whether a
    channel has a process, `send(kind, channel, body)` sends a frame upward.
    """

    def __init__(self, handlers, is_open, send):
        # type: (dict, object, object) -> None
        self._handlers = handlers
        self._is_open = is_open
        self._send = send
        self._kept = {}  # type: dict  # channel that waits: [(kind, body)]
        self._before = {}  # type: dict  # channel that waits: channel that it waits for
        self._over = set()  # type: set  # channels with a result whose process has not yet ended

    def handle(self, kind, channel, body):
        # type: (int, int, bytes) -> None
        """Handle a frame, or keep it if its channel waits."""
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
        """Drop a waiting call; the calls behind it wait for the one before it."""
        del self._kept[channel]
        before = self._before.pop(channel)
        for other, waits_for in list(self._before.items()):
            if waits_for == channel:
                self._before[other] = before
        self._send(wire.EXIT, channel, codec.encode(-15))

    def over(self, channel, is_gone=False):
        # type: (int, bool) -> None
        """Begin the calls behind one that has its result, or whose process has ended."""
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
        """Drop all waiting calls."""
        self._kept = {}
        self._before = {}
