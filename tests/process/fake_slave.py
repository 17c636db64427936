"""A slave that breaks the rules; run as a script, in place of a Python.

Its arguments are the directory of the checkout and what to do.  The bundle that
it is sent it reads and drops.
"""

import os
import sys
import zlib

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])

from econtext.boot.bundle import HEADER_SIZE, LENGTH  # noqa: E402
from econtext.target import codec, exchange, hello, wire  # noqa: E402

#: No package that a test offers.
NOT_OFFERED = b"not_offered_by_tests"


def send(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def read(size: int) -> bytes:
    """Exactly so many bytes; ends with the input."""
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def greet() -> None:
    read(int(read(HEADER_SIZE)[LENGTH]))
    send(wire.MAGIC + wire.frame(wire.HELLO, 0, codec.encode(hello.make())))


def value(channel: int, what: object) -> bytes:
    return wire.frame(wire.RESULT, channel, codec.encode(("value", what)))


#: What to send when a call comes, by its channel.
ANSWERS = {
    "honest": lambda channel: (
        value(channel, "fine") + wire.frame(wire.EXIT, channel, b"i" + bytes(8))
    ),
    "another channel": lambda channel: value(channel + 1, "forged"),
    "a closed channel": lambda channel: (
        wire.frame(wire.EXIT, channel, b"i" + bytes(8)) + value(channel, "late")
    ),
    "a module that is not offered": lambda channel: wire.frame(wire.WANT, channel, NOT_OFFERED),
    "junk": lambda channel: b"Killed\n" * 100,
    "no value": lambda channel: wire.frame(wire.RESULT, channel, b"l\xff\xff\xff\xffN"),
    "a greeting again": lambda channel: wire.frame(wire.HELLO, 0, codec.encode(hello.make())),
    "credit for nothing": lambda channel: wire.credit_frame(channel, 1),
    "a stream that does not exist": lambda channel: wire.data_frame(channel, 9, b"x"),
    "a message without end": lambda channel: (
        1030 * (b"\x91" + channel.to_bytes(4, "big") + b"\0\1\0\0" + wire.MAX_BODY * b"x")
    ),
}


def flood(channel: int) -> bytes:
    """Twenty million bytes of output, each in a frame of its own, in 0.5 MB of packed frames."""
    one = wire.data_frame(channel, wire.STDOUT, b"x")
    deflate = zlib.compressobj(9, zlib.DEFLATED, wire.MAX_BITS)
    pieces = []
    for _ in range(900):
        piece = deflate.compress(wire.MAX_UNPACKED // len(one) * one)
        pieces.append(wire.frame(wire.PACKED, 0, piece + deflate.flush(zlib.Z_SYNC_FLUSH)))
    return b"".join(pieces)


#: Of answers that break no rule, but take long to handle.
FLOODS = {"a flood": flood}


def reply(channel: int, message: bytes) -> bytes:
    return wire.frame(wire.REPLY, channel, message)


#: What to send to the caller of a call channel.
VALUES = {
    "more values than credit": lambda channel: 1100 * reply(channel, exchange.value_message(1)),
    "a value that is none": lambda channel: reply(channel, exchange.VALUE + b"l\xff\xff\xff\xffN"),
    "credit for no values": lambda channel: reply(channel, exchange.CREDIT + wire.credit_body(1)),
    "another kind of message": lambda channel: reply(channel, b"Killed"),
}

#: What to send instead of a greeting.
BEGINNINGS = {
    "chatter without end": lambda: 2_000_000 * b"Welcome!\n",
    "junk behind the first word": lambda: wire.MAGIC + 1000 * b"Welcome!\n",
    "a frame before the greeting": lambda: wire.MAGIC + value(1, "early"),
    "a greeting that is none": lambda: wire.MAGIC + wire.frame(wire.HELLO, 0, codec.encode([])),
    "silence": lambda: b"",
}


def main(behaviour: str) -> None:
    if behaviour in BEGINNINGS:
        send(BEGINNINGS[behaviour]())
        while True:
            read(1)
    greet()
    reader = wire.Reader(wire.DOWNWARD)
    while True:
        for kind, channel, _ in reader.feed(read(1)):
            if kind == wire.CALL:
                send({**ANSWERS, **FLOODS, **VALUES}[behaviour](channel))


if __name__ == "__main__":
    main(sys.argv[2])
