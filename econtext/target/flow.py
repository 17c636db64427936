"""How much of a stream may be under way.  Numbers only, no I/O.

Each channel has a window in each direction, shared by its streams: its sender
stops when the window is used up and goes on when the receiver gives credit.
So memory is bounded, and a large file delays no other channel by more than that.
"""

#: Bytes that may be on their way on one channel in one direction.
WINDOW = 1024 * 1024


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
        """Count data that went on its way; the credit to send now, or 0.

        Credit is given in large pieces: a frame for each read would double the
        number of frames.
        """
        self._used += size
        if self._used < WINDOW // 4:
            return 0
        grant, self._used = self._used, 0
        self._open += grant
        return grant
