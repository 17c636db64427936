"""How much of a stream may be under way.  Numbers only, no I/O.

Each channel has a window in each direction, shared by its streams: its sender
stops when the window is used up and goes on when the receiver gives credit.
So memory is bounded, and a large file delays no other channel by more than that.
"""

#: Bytes that may be on their way on one channel in one direction: more than an OpenSSH
#: connection takes (2 MB), so that a long way is no longer through us than through ssh.
WINDOW = 4 * 1024 * 1024

#: Bytes for which credit is given at once: a frame for each read would double the number
#: of frames.
GRANT = WINDOW // 16

#: Bytes that may wait for a link before its channels are to send no more: what is sent
#: on another channel gets behind no more than that.
CLOGGED = 256 * 1024


#: Bytes in a second below which it is not packing that a packed stream waits for.
SLOW = 8 * 1024 * 1024

#: How many measurements go by before a stream is tried the other way again.
_AGAIN = 16


class Pace(object):
    """Whether a stream had better be packed, by how fast it was taken in either way.

    It depends on the link, on the data, and on what else the two machines do.
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
            self._since = now  # what was under way before has been taken
        self._taken = 0

    def _decide(self, rate):
        # type: (float) -> bool
        """Whether to go on as it is."""
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
    """What one end may still send."""

    def __init__(self):
        # type: () -> None
        self.credit = WINDOW

    def sent(self, size):
        # type: (int) -> None
        self.credit -= size

    def granted(self, size):
        # type: (int) -> bool
        """Take credit from the peer; False where it gives more than it ever took."""
        self.credit += size
        return self.credit <= WINDOW


class Receiving(object):
    """What one end has received and not yet given credit for."""

    def __init__(self):
        # type: () -> None
        self._open = WINDOW
        self._used = 0

    def received(self, size):
        # type: (int) -> bool
        """Count data that came in; False where it is more than was granted."""
        self._open -= size
        return self._open >= 0

    def relayed(self, size):
        # type: (int) -> None
        """Count data of our own that goes the same way: no credit is due for it."""
        self._used -= size

    def used(self, size):
        # type: (int) -> int
        """Count data that went on its way; the credit to send now, or 0."""
        self._used += size
        if self._used < GRANT:
            return 0
        grant, self._used = self._used, 0
        self._open += grant
        return grant
