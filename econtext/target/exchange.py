"""State of one end of a call channel: its credit, and the values that it was sent.  No I/O.

Both ends count alike.  A message is one byte for its kind, then its body.  Each value costs its
bytes and `EACH` more, so that the window bounds small values by their number: 1,024 of them.  A
value larger than the window costs nearly all of it, and is on its way alone.
"""

from __future__ import unicode_literals

import collections

from econtext.target import codec, flow_control, wire

#: Kinds of messages.
VALUE = b"v"
CREDIT = b"c"
END = b"e"  # to the function alone: no value follows

#: What each value costs besides its bytes: far more than it takes in memory.
EACH = 4096

#: What a value costs at the most: credit for less than a grant may be held back.
MOST = flow_control.WINDOW - flow_control.GRANT


class Exchange(object):
    """State of one end of a call channel."""

    def __init__(self):
        # type: () -> None
        self._sending = flow_control.Sending()
        self._receiving = flow_control.Receiving()
        #: Pairs of a value that was not taken yet and its cost.
        self.values = collections.deque()  # type: collections.deque

    def may_send(self, message):
        # type: (bytes) -> bool
        """Return whether there is credit for the message of a value."""
        return self._sending.credit >= _cost(message)

    def sent(self, message):
        # type: (bytes) -> None
        """Count the message of a value as sent."""
        self._sending.sent(_cost(message))

    def take(self, message):
        # type: (bytes) -> None
        """Take a message of the peer; raises ProtocolError or DecodeError."""
        kind, body = message[:1], message[1:]
        if kind == VALUE:
            if not self._receiving.received(_cost(message)):
                raise wire.ProtocolError("more values than credit was given for")
            self.values.append((codec.decode(body), _cost(message)))
        elif kind == CREDIT:
            size = wire.credit_amount(body)
            if not size or not self._sending.granted(size):
                raise wire.ProtocolError("more credit than there were values")
        else:
            raise wire.ProtocolError("a message of no known kind")

    def next(self):
        # type: () -> tuple
        """Return the next value, and the message that gives the peer credit now, or b""."""
        value, cost = self.values.popleft()
        grant = self._receiving.used(cost)
        return value, CREDIT + wire.credit_body(grant) if grant else b""


def value_message(value):
    # type: (object) -> bytes
    """Return the message for a value; raises EncodeError."""
    message = VALUE + codec.encode(value)
    if len(message) > wire.MAX_MESSAGE:
        raise codec.EncodeError("a value of %d bytes is too long to send" % len(message))
    return message


def _cost(message):
    # type: (bytes) -> int
    return min(len(message) + EACH, MOST)
