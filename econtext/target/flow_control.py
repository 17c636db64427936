"""Flow control: how much of a stream may be on its way.  Numbers only, no I/O.

Each channel has a window in each direction, shared by its streams: its sender
stops when the window is used up and goes on when the receiver gives credit.
So memory is bounded, and a large file delays no other channel by more than a window.
"""

#: Bytes that may be on their way on one channel in one direction: more than an OpenSSH
#: connection takes (2 MB), so that latency slows a slave's stream no more than ssh's own.
WINDOW = 4 * 1024 * 1024

#: Bytes for which one frame gives credit: one for each read would double the frames.
GRANT = WINDOW // 16

#: Bytes that may wait for a link before its channels stop: data of another channel is
#: delayed by no more than that.
CLOGGED = 256 * 1024


#: Bytes in a second below which the network, not packing, is what slows a packed stream.
SLOW = 8 * 1024 * 1024

#: Measurements after which a stream is tried in the other form again.
_AGAIN = 16


class Pace(object):
    """Decision whether to pack a stream, by the rates at which each form was taken.

    They depend on the link, on the data, and on other work of the two machines.
    """

    def __init__(self):
        # type: () -> None
        self.is_packed = True
        self._rates = {}  # type: dict  # by `is_packed`: bytes in a second
        self._since = None  # type: object
        self._taken = 0
        self._measured = 0

    def taken(self, size, now):
        # type: (int, float) -> None
        """Count credit that came at the time `now`, in seconds."""
        self._taken += size
        if self._taken < WINDOW:
            return
        if self._since is None or self._decide(self._taken / max(now - self._since, 1e-9)):
            self._since = now  # data sent before, in another form perhaps, has been taken
        self._taken = 0

    def _decide(self, rate):
        # type: (float) -> bool
        """Return whether to go on in the same form."""
        self._rates[self.is_packed] = rate
        self._measured += 1
        other = self._rates.get(not self.is_packed)
        if self.is_packed and rate < SLOW:
            return True
        if other is not None and rate >= other and self._measured % _AGAIN:
            return True
        self.is_packed = not self.is_packed
        self._since = None
        return False


class Sending(object):
    """Count of the bytes that one end may still send."""

    def __init__(self):
        # type: () -> None
        self.credit = WINDOW

    def sent(self, size):
        # type: (int) -> None
        self.credit -= size

    def granted(self, size):
        # type: (int) -> bool
        """Take credit from the peer; return False if it is more than the peer was sent."""
        self.credit += size
        return self.credit <= WINDOW


class Receiving(object):
    """Count of the bytes that one end received and has given no credit for."""

    def __init__(self):
        # type: () -> None
        self._open = WINDOW
        self._used = 0

    def received(self, size):
        # type: (int) -> bool
        """Count data that came in; return False if it is more than was granted."""
        self._open -= size
        return self._open >= 0

    def relayed(self, size):
        # type: (int) -> None
        """Count data that this end adds to the stream: no credit is due for it."""
        self._used -= size

    def used(self, size):
        # type: (int) -> int
        """Count data that was passed on; return the credit to send now, or 0."""
        self._used += size
        if self._used < GRANT:
            return 0
        grant, self._used = self._used, 0
        self._open += grant
        return grant
