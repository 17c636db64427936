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


#: Bytes in a second from which on it costs more time to pack a stream than to carry it.
FAST = 64 * 1024 * 1024


class Pace(object):
    """How fast a stream is taken, by the credit that comes back for it."""

    def __init__(self):
        # type: () -> None
        self.is_fast = False
        self._since = None  # type: object
        self._taken = 0

    def taken(self, size, now):
        # type: (int, float) -> None
        """Count credit that came at the time `now`, in seconds."""
        if self._since is None:
            self._since = now
            return
        self._taken += size
        if self._taken >= WINDOW:
            self.is_fast = self._taken >= FAST * (now - self._since)  # type: ignore[operator]
            self._since, self._taken = now, 0


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
