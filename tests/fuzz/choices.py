"""Choices made of an input's bytes: values, bodies and frames of the wire.

A change of a byte changes one choice, so a mutation of an input is a mutation of the talk that it
stands for.  At the end of an input each choice is the first one.
"""

from __future__ import annotations

import zlib
from typing import Any

from econtext.boot import first_stage
from econtext.target import codec, exchange, wire
from tests.unit.test_link import GREETING

#: Values that get further into the code than others do.
TELLING: tuple[Any, ...] = (
    ("value", (True, [])),
    ("value", (0, [])),
    ("value", (0, ["/tmp/made", b"/tmp/made"])),
    ("value", ((7, 0o644), [])),
    ("value", ("/root", [])),
    ("value", None),
    ("error", "OSError", "text", "trace"),
    ("error", "ansible_econtext.target.freshness.Outdated", "text", ""),
    ("error", "econtext.target.slave.Orphaned", "text", ""),
    ("error", "ansible_econtext.target.file_operations.OperationError", "write: text", ""),
    ("failed", "no such file"),
    (0, []),
    (0, [0, []]),
    (20, "name", "text"),
    0,
    -9,
    GREETING,
)

UPWARD, DOWNWARD = tuple(sorted(wire.UPWARD)), tuple(sorted(wire.DOWNWARD))

#: Kinds that an honest slave sends while calls are active, and a few that break its link.
TALK = (
    *(6 * (wire.RESULT, wire.EXIT, wire.DATA)),
    *(2 * (wire.PACKED, wire.CREDIT, wire.WANT, wire.LOG, wire.REPLY)),
    *(wire.HELLO, wire.PONG, wire.END),
)

#: Bodies that an honest slave sends, by the kind of frame.
FITTING = {
    wire.RESULT: tuple(map(codec.encode, TELLING[:11])),
    wire.REPLY: (
        *map(codec.encode, (*TELLING[:10], ("withdrawn", 1), ("withdrawn", 2))),
        *map(exchange.value_message, TELLING[:5]),
        exchange.CREDIT + wire.credit_body(5000),
    ),
    wire.EXIT: tuple(map(codec.encode, (0, 3, -9))),
    wire.LOG: (codec.encode((20, "name", "text")),),
    wire.WANT: (b"offered", b"offered.part"),
}

#: Words before a slave's greeting.
WORDS = (
    *(b"x", b"", b"Password:", b"marker\n", b"Sorry", b"required", b"Welcome!\n"),
    *(wire.MAGIC, first_stage.FIRST_WORD, first_stage.NO_BUNDLE),
)

NUMBERS = (0, 1, 255, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, -(1 << 63), 1 << 63, 10**30)
TEXTS = ("", "x", "/tmp", "\udcff", "\U0001f600", "a.b", 5000 * "x")


class Choices:
    """Source of choices."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        #: Frames that were made.
        self.frames = 0

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._data)

    def below(self, number: int) -> int:
        """A number from 0, of one byte of the input."""
        if self.is_over:
            return 0
        self._at += 1
        return self._data[self._at - 1] % number

    def of(self, values: Any) -> Any:
        return values[self.below(len(values))]

    def raw(self) -> bytes:
        """Up to 255 bytes as they stand in the input."""
        size = self.below(256)
        self._at += size
        return self._data[self._at - size : self._at]

    def value(self, depth: int = 3) -> Any:
        """A value that the codec may be given; not each of them can be sent."""
        match self.below(10 if depth else 6):
            case 0:
                return self.of((None, True, False, 0.5, float("nan"), float("inf")))
            case 1:
                return self.of(NUMBERS)
            case 2:
                return self.of(TEXTS)
            case 3:
                return self.raw()
            case 4 | 5:
                return self.of(TELLING)
            case 6:
                return [self.value(depth - 1) for _ in range(self.below(4))]
            case 7:
                return tuple(self.value(depth - 1) for _ in range(self.below(5)))
            case 8:
                return {self.of(TEXTS): self.value(depth - 1) for _ in range(self.below(4))}
            case _:
                return {self.of(NUMBERS) for _ in range(self.below(4))}

    def body(self) -> bytes:
        """The bytes of a value, changed or not, or any others."""
        if not self.below(6):
            return self.raw()
        try:
            data = codec.encode(self.value())
        except codec.EncodeError:
            return b""
        if not self.below(6):
            at = self.below(256) % (len(data) + 1)
            data = data[:at] + self.raw() + data[at + self.below(3) :]
        return data

    def frame(self, kinds: tuple[int, ...], channels: int = 6) -> bytes:
        """One frame; of a kind that is allowed, but for a few."""
        self.frames += 1
        kind = self.of(kinds) if self.below(32) else self.below(256)
        channel = channels - 1 - self.below(channels)  # the one that was opened last, above all
        if kind == wire.DATA:
            stream = 1 + self.below(2) if self.below(16) else self.below(6)
            return wire.data_frame(channel, stream, self.output(kinds))
        if kind == wire.CREDIT:
            return wire.credit_frame(channel, self.of((0, 1, 65535, 4 << 20, (1 << 32) - 1)))
        if kind == wire.PACKED:
            return self.packed(kinds)
        body = self.body() if kind not in FITTING or not self.below(8) else self.of(FITTING[kind])
        if not self.below(24):  # a part, and perhaps the rest
            part = wire._HEADER.pack(kind % 128 | wire._MORE, channel, wire.MAX_BODY)
            return part + wire.MAX_BODY * b"x" + self.below(2) * wire.frame(kind, channel, body)
        return wire.frame(kind, channel, body)

    def output(self, kinds: tuple[int, ...]) -> bytes:
        """Output: a warm process's replies, or text, or a slave's first words."""
        match self.below(5):
            case 0:
                inner = (wire.RESULT, wire.DATA)
                return b"".join(self.frame(inner, 1) for _ in range(self.below(3)))[: wire.MAX_DATA]
            case 1:
                return self.of(WORDS)
            case 2:
                return wire.MAGIC + wire.frame(wire.HELLO, 0, codec.encode(TELLING[-1]))
            case 3:
                return wire.MAX_DATA * b"x"
            case _:
                return self.raw()

    def packed(self, kinds: tuple[int, ...]) -> bytes:
        """A frame of packed frames, of a stream of its own."""
        inner = tuple(kind for kind in kinds if kind != wire.PACKED)
        data = b"".join(self.frame(inner) for _ in range(self.below(4)))
        if self.below(4):
            data *= min(1 + self.below(64), 1 + 2 * wire.MAX_UNPACKED // (len(data) + 1))
        deflate = zlib.compressobj(self.below(10), zlib.DEFLATED, 9 + self.below(7))
        return wire.frame(wire.PACKED, 0, deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH))

    def pieces(self, data: bytes) -> list[bytes]:
        """The data in one piece, or in several."""
        size = self.of((*(10 * (len(data),)), 1, 2, 9, 100, 4096))
        if len(data) > 300:
            size = max(size, 4096)
        return [data[at : at + size] for at in range(0, len(data), max(1, size))]


def form(value: Any) -> str:
    """A text that is equal for equal values, nan and the order of sets included."""
    match value:
        case list() | tuple():
            return f"{type(value).__name__}{[form(each) for each in value]}"
        case set() | frozenset():
            return f"{type(value).__name__}{sorted(map(repr, value))}"
        case dict():
            return f"dict{sorted((repr(key), form(each)) for key, each in value.items())}"
    return repr(value)
