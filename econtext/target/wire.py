"""Frames on the pipes between a controller and a slave.  No I/O in here.

A frame is a header of 9 bytes (kind, channel, length of the body; big-endian)
and a body of at most `MAX_BODY` bytes.  A message is the bodies of one frame or
of several of the same kind and channel; all but the last are full and carry the flag `MORE`.
DATA frames are never joined: they are a stream.
"""

import struct
import zlib

MAX_BODY = 65536
MAX_MESSAGE = 64 * 1024 * 1024

#: Bytes of frames that one PACKED message may hold at the most, and the window of its
#: compressed stream as a number of bits.
MAX_UNPACKED = 4 * MAX_BODY
MAX_BITS = 13

#: Printed by a slave before its first frame, so that a login banner can be told apart.
MAGIC = b"\nECONTEXT 1\n"

# From controller to slave.
OPEN = 1  # a command, as a value
CLOSE = 2  # give the channel up and end its process
STORE = 3  # contents to keep, by their hash
RELAY = 4  # write kept contents to this channel's command
SOURCES = 5  # modules for the importer
WARM = 6  # import these ahead of time
PING = 7
AFTER = 8  # the call that comes next on this channel waits for the one of this number
CALL = 9  # a call, as a value for its process alone
# From slave to controller.
HELLO = 16
RESULT = 17  # what a call returned or raised
EXIT = 18  # the channel's process is gone: the last frame of each channel
WANT = 19  # the importer asks for a module
LOG = 20
PONG = 21  # with the body of its PING, or ORPHANED
REPLY = 22  # what one call of several in one process returned or raised
# In both directions.
DATA = 32  # one byte for the number of the stream, then the data
END = 33  # end of a stream, one byte
CREDIT = 34  # so many more bytes of DATA may be sent
PACKED = 35  # a piece of a compressed stream of frames (`compression`)

DOWNWARD = frozenset(
    [OPEN, CLOSE, STORE, RELAY, SOURCES, WARM, PING, AFTER, CALL, DATA, END, CREDIT, PACKED]
)
UPWARD = frozenset([HELLO, RESULT, EXIT, WANT, LOG, PONG, REPLY, DATA, END, CREDIT, PACKED])

#: Answer to a PING by a slave that begins no call, as a process that started it has ended.
ORPHANED = b"o"

STDIN, STDOUT, STDERR, TERMINAL = range(4)

_MORE = 0x80
_HEADER = struct.Struct("!BLL")
_NUMBER = struct.Struct("!L")


class ProtocolError(Exception):
    """Raised if the peer broke the rules of the wire."""


def frame(kind, channel, body=b""):
    # type: (int, int, bytes) -> bytes
    """Return one message as bytes, in as many frames as it needs."""
    if len(body) <= MAX_BODY:
        return _HEADER.pack(kind, channel, len(body)) + body
    parts = []
    for start in range(0, len(body), MAX_BODY):
        part = body[start : start + MAX_BODY]
        more = _MORE if start + MAX_BODY < len(body) else 0
        parts.append(_HEADER.pack(kind | more, channel, len(part)))
        parts.append(part)
    return b"".join(parts)


def data_frame(channel, stream, data):
    # type: (int, int, bytes) -> bytes
    """Return a DATA frame; `data` is at most `MAX_DATA` bytes."""
    return _HEADER.pack(DATA, channel, len(data) + 1) + stream_byte(stream) + data


MAX_DATA = MAX_BODY - 1


def stream_byte(stream):
    # type: (int) -> bytes
    return bytes(bytearray([stream]))


def split_data(body):
    # type: (bytes) -> tuple
    """Return (number of the stream, data) of the body of a DATA or END frame.

    Raises ProtocolError for a stream that does not exist.
    """
    if not body or bytearray(body[:1])[0] > TERMINAL:
        raise ProtocolError("data for a stream that does not exist")
    return bytearray(body[:1])[0], body[1:]


def credit_frame(channel, amount):
    # type: (int, int) -> bytes
    return frame(CREDIT, channel, credit_body(amount))


def credit_body(amount):
    # type: (int) -> bytes
    return _NUMBER.pack(amount)


def credit_amount(body):
    # type: (bytes) -> int
    if len(body) != _NUMBER.size:
        raise ProtocolError("a credit of %d bytes" % len(body))
    return _NUMBER.unpack(body)[0]  # type: ignore[no-any-return]


class Reader(object):
    """Reader that takes bytes in pieces of any size and gives complete messages.

    `kinds` are the kinds that the peer may send.  `limit` bounds, in bytes, what
    incomplete messages hold together: a peer cannot fill the memory with more than
    that.  After a ProtocolError a reader is of no more use.
    """

    def __init__(self, kinds, limit=MAX_MESSAGE):
        # type: (frozenset, int) -> None
        self._kinds = kinds
        self._limit = limit
        self._buffer = bytearray()
        self._unpacked = bytearray()
        self._inflate = None  # type: object
        self._partial = {}  # type: dict
        self._partial_size = 0

    @property
    def was_packed(self):
        # type: () -> bool
        """Whether the peer has packed a frame, and so holds that packing pays."""
        return self._inflate is not None

    def feed(self, data):
        # type: (bytes) -> list
        """Return the messages that `data` completes, each as (kind, channel, body).

        Raises ProtocolError.
        """
        return [message for message in self.each(data) if message is not None]

    def each(self, data):
        # type: (bytes) -> object
        """Yield what `feed` returns, one message after another; to be read to its end.

        So a few bytes, packed a thousand times smaller, never take memory all together.  Yields
        None for a part of a message, as many parts take time.
        """
        self._buffer += data
        for message in self._messages(self._buffer):
            if message is not None and message[0] == PACKED:
                self._unpacked += self._unpack(message[2])
                for unpacked in self._messages(self._unpacked):
                    yield unpacked
            else:
                yield message

    def _messages(self, buffer):
        # type: (bytearray) -> object
        """Yield the complete messages of the buffer, then remove them from it."""
        start = 0
        while len(buffer) - start >= _HEADER.size:
            flagged, channel, length = _HEADER.unpack_from(bytes(buffer[start : start + 9]))
            kind = flagged & ~_MORE
            if kind not in self._kinds or (kind == PACKED and buffer is self._unpacked):
                raise ProtocolError("a frame of kind %d" % kind)
            if length > MAX_BODY:
                raise ProtocolError("a frame of %d bytes" % length)
            end = start + _HEADER.size + length
            if len(buffer) < end:
                break
            body = bytes(buffer[start + _HEADER.size : end])
            start = end
            message = self._join(kind, channel, body, bool(flagged & _MORE))
            yield None if message is None else (kind, channel, message)
        del buffer[:start]

    def _unpack(self, body):
        # type: (bytes) -> bytes
        if self._inflate is None:
            self._inflate = zlib.decompressobj(MAX_BITS)
        try:
            data = self._inflate.decompress(body, MAX_UNPACKED)  # type: ignore[attr-defined]
        except zlib.error as error:
            raise ProtocolError("packed frames that are damaged: %s" % error)
        if self._inflate.unconsumed_tail or self._inflate.unused_data:  # type: ignore
            raise ProtocolError("packed frames of more than %d bytes" % MAX_UNPACKED)
        return data  # type: ignore[no-any-return]

    def _join(self, kind, channel, body, more):
        # type: (int, int, bytes, bool) -> object
        key = (kind, channel)
        if not more and key not in self._partial:
            return body
        # Full parts: each that is kept takes some 100 bytes besides its content.
        if kind == DATA or not body or (more and len(body) < MAX_BODY):
            raise ProtocolError("a part that is empty or not full")
        self._partial_size += len(body)
        if self._partial_size > self._limit:
            raise ProtocolError("a message of more than %d bytes" % self._limit)
        self._partial.setdefault(key, []).append(body)
        if more:
            return None
        whole = b"".join(self._partial.pop(key))
        self._partial_size -= len(whole)
        return whole
