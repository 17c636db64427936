"""A link's frames are handled some in each turn of the loop."""

import tracemalloc
import zlib

import pytest

from econtext.controller import intake
from econtext.controller.channels import Call
from econtext.controller.errors import ConnectionLost
from econtext.controller.link import Link
from econtext.target import codec, wire

from .test_link import GREETING, REQUEST, FakeProcess


class Turns(list):
    """In place of the loop: the functions for its next turn."""

    def one(self):
        self.pop(0)()

    def all(self):
        while self:
            self.one()


class Process(FakeProcess):
    """Process that counts its credit."""

    def __init__(self):
        super().__init__()
        self.credited = []

    def credit(self, size):
        self.credited.append(size)


class KeepingCall(Call):
    """Call that keeps its output."""

    def __init__(self, *arguments):
        self.kept = b""
        super().__init__(*arguments)

    def output(self, stream, data):
        self.kept += data


@pytest.fixture
def turns(monkeypatch):
    monkeypatch.setattr(intake, "TURN", 0)  # no time for more than one frame
    return Turns()


@pytest.fixture
def link(turns):
    made = Link("test", Process(), None, turns.append)
    made.feed(wire.frame(wire.HELLO, 0, codec.encode(GREETING)))
    turns.all()
    made.process.credited.clear()
    return made


@pytest.fixture
def call(link):
    return KeepingCall(link, REQUEST)


def output(text):
    return b"".join(wire.data_frame(1, wire.STDOUT, bytes([byte])) for byte in text)


RESULT = wire.frame(wire.RESULT, 1, codec.encode(("value", 12)))
EXIT = wire.frame(wire.EXIT, 1, codec.encode(0))


def packed(data):
    deflate = zlib.compressobj(9, zlib.DEFLATED, wire.MAX_BITS)
    return wire.frame(wire.PACKED, 0, deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH))


@pytest.mark.parametrize("form", [bytes, packed], ids=["plain", "packed"])
def test_each_turn_handles_some(link, call, turns, form):
    link.feed(form(output(b"abc")), 7)
    for kept in (b"a", b"ab", b"abc"):
        assert (call.kept, link.process.credited, len(turns)) == (kept, [], 1)
        turns.one()
    assert (call.kept, link.process.credited, len(turns)) == (b"abc", [7], 0)


def test_a_turn_is_as_long_as_it_may_be(link, call, turns, monkeypatch):
    monkeypatch.setattr(intake, "TURN", 3600)
    link.feed(output(1000 * b"x"), 7)
    assert (call.kept, link.process.credited, turns) == (1000 * b"x", [7], [])


def test_what_comes_meanwhile_is_handled_behind(link, call, turns):
    data = output(b"abcdef") + RESULT + EXIT
    for start in range(0, len(data), 7):  # within frames
        link.feed(data[start : start + 7], 1)
        assert len(turns) <= 1
    turns.all()
    assert (call.kept, call.future.result(0), link.error) == (b"abcdef", 12, None)
    assert sum(link.process.credited) == len(range(0, len(data), 7))


def test_small_pieces_that_wait_take_no_more_than_they_are(link, call, turns):
    """A parent may send its slave's output byte by byte: 4 MiB of them took 400 MiB."""
    data = 300 * output(b"abcdefghij") + RESULT + EXIT
    tracemalloc.start()
    for byte in data:
        link.feed(bytes([byte]), 1)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2 * len(data) + 10_000
    turns.all()
    assert call.kept == 300 * b"abcdefghij" and call.future.result(0) == 12
    assert sum(link.process.credited) == len(data)


def test_a_process_that_has_ended_was_heard_to_its_end(link, call, turns):
    gone = []
    link.on_gone.append(lambda: gone.append(call.future.result(0)))
    link.feed(output(b"abc") + RESULT)
    link.ended(0)
    assert link.error is None and gone == []
    turns.all()
    assert (call.kept, gone) == (b"abc", [12]) and isinstance(link.error, ConnectionLost)


def test_a_link_that_ends_drops_the_rest(link, call, turns):
    """The process gets its credit, without which it could not write and end."""
    link.feed(output(b"abc"), 7)
    link.feed(output(b"def"), 8)
    gone = []
    link.on_gone.append(lambda: gone.append("gone"))
    link.fail(ConnectionLost("test", "the connection was reset"))
    assert link.process.credited == [7, 8]
    link.feed(output(b"ghi"), 9)
    link.ended(0)
    assert (link.process.credited, gone) == ([7, 8, 9], ["gone"])
    turns.all()
    assert call.kept == b"a" and not link.process.killed


def test_a_frame_that_ends_the_link_is_the_last(link, call, turns, monkeypatch):
    """What follows is for channels that the link has given up, and breaks no rule."""
    monkeypatch.setattr(intake, "TURN", 3600)
    call.future.add_done_callback(lambda _: link.fail(ConnectionLost("test", "was reset")))
    link.feed(RESULT + output(b"abc"), 7)
    assert (call.kept, link.process.credited, link.process.killed) == (b"", [7], False)


def test_a_rule_broken_in_a_later_turn_ends_the_link(link, call, turns):
    link.feed(output(b"ab") + wire.frame(wire.OPEN, 1), 7)
    link.ended(0)
    turns.all()
    assert "broke the protocol" in str(link.error) and link.process.killed
    assert (call.kept, link.process.credited, turns) == (b"ab", [7], [])


def test_parts_of_a_message_take_turns_too(link, turns):
    """Packed, a thousand of them are a few bytes."""
    call = KeepingCall(link, REQUEST)
    part = wire.frame(wire.LOG | 0x80, call.number, bytes(wire.MAX_BODY))
    packed = zlib.compressobj(9, zlib.DEFLATED, wire.MAX_BITS)
    body = packed.compress(3 * part) + packed.flush(zlib.Z_SYNC_FLUSH)
    link.feed(wire.frame(wire.PACKED, 0, body))
    assert len(turns) == 1
    taken = 0
    while turns:
        turns.one()
        taken += 1
    assert taken >= 3 and link.error is None
