"""Properties of all that a slave or a client can reach: parsed, or the one protocol error.

Each takes the bytes of an input, returns the number of frames that it stood for, and raises if
the code raised anything but its own error, or held or replied what it must not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from econtext.controller import greeting, intake
from econtext.controller.link import logger
from econtext.target import codec, compression, wire

from . import doubles
from .choices import DOWNWARD, TELLING, UPWARD, Choices, form
from .links import check_handlers, check_link, check_start
from .requests import check_archive, check_records, check_worker

#: Bytes that the unfinished messages of a reader may hold here: three parts.
LIMIT = 200_000

# Bytes


def check_wire(data: bytes) -> int:
    """However a stream is cut, the same messages come, and then the same verdict."""
    choices = Choices(data)
    kinds = choices.of((UPWARD, DOWNWARD))
    parts = []
    while not choices.is_over:
        parts.append(choices.frame(kinds) if choices.below(16) else choices.raw())
    stream = b"".join(parts)
    assert _read([stream], kinds) == _read(choices.pieces(stream), kinds)
    return choices.frames


def _read(pieces: list[bytes], kinds: tuple[int, ...]) -> tuple[list[Any], bool]:
    found: list[Any] = []
    reader = wire.Reader(frozenset(kinds), LIMIT)
    for piece in pieces:
        try:
            for message in reader.each(piece):
                found.append(message)
        except wire.ProtocolError:
            return found, True
        assert len(reader._buffer) <= wire.MAX_BODY + wire._HEADER.size
        assert len(reader._unpacked) <= wire.MAX_BODY + wire._HEADER.size
        assert reader._partial_size <= LIMIT
    return found, False


def check_codec(data: bytes) -> int:
    """Bytes are a value, which goes out and comes back, or DecodeError."""
    choices = Choices(data)
    for body in (data, choices.body()):
        try:
            value = codec.decode(body)
        except codec.DecodeError:
            continue
        assert form(codec.decode(codec.encode(value))) == form(value)
    return 2


def check_packing(data: bytes) -> int:
    """What an outlet packs comes out as it was, in any pieces."""
    choices = Choices(data)
    written: list[bytes] = []
    outlet, sent = compression.Outlet(written.append, lambda flush: None), []
    while not choices.is_over:
        match choices.below(5):
            case 0:
                outlet.pack()
            case 1:
                outlet.flush()
            case 2:
                output = choices.output(UPWARD)[: wire.MAX_DATA]
                output *= 1 if len(output) > 1000 else 1 + choices.below(60)
                outlet.send_data(1, wire.STDOUT, output, bool(choices.below(2)))
                sent.append((wire.DATA, 1, wire.stream_byte(wire.STDOUT) + output))
            case _:
                sent.append((choices.of((wire.OPEN, wire.STORE)), choices.below(9), choices.body()))
                outlet.send(*sent[-1])
    outlet.flush()
    found, is_broken = _read(choices.pieces(b"".join(written)), DOWNWARD)
    assert not is_broken and found == sent
    return len(sent)


def check_greeting(data: bytes) -> int:
    value = Choices(data).value(4)
    try:
        found = greeting.checked(value)
    except wire.ProtocolError:
        return 1
    assert set(found) == set(TELLING[-1]) and len(repr(found)) < 100_000
    return 1


def _guarded(check: Callable[[bytes], int]) -> Callable[[bytes], int]:
    """A property that no fault of the code's own may be logged in."""

    def run(data: bytes) -> int:
        faults = doubles.Faults()
        # No turn ends before its last frame: how long an input takes is measured, not sliced.
        turn, intake.TURN = intake.TURN, 3600.0
        logger.addHandler(faults)
        try:
            frames = check(data)
        finally:
            intake.TURN = turn
            logger.removeHandler(faults)
        for each in faults.seen:
            raise AssertionError(each.getMessage()) from (each.exc_info or (None, None))[1]
        return frames

    return run


PROPERTIES: dict[str, Callable[[bytes], int]] = {
    "wire": _guarded(check_wire),
    "codec": _guarded(check_codec),
    "packing": _guarded(check_packing),
    "greeting": _guarded(check_greeting),
    "link": _guarded(check_link),
    "handlers": _guarded(check_handlers),
    "start": _guarded(check_start),
    "records": _guarded(check_records),
    "worker": _guarded(check_worker),
    "archive": _guarded(check_archive),
}
