"""What goes out packed comes in as it was, takes less, and cannot be made to take much more."""

import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econtext.target import compression, flow_control, wire

from .conftest import pieces

MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(sorted(wire.DOWNWARD - {wire.DATA, wire.PACKED})),
        st.integers(0, 9),
        st.binary(max_size=50),
    )
)
CUTS = st.lists(st.integers(0, 1000), max_size=8)
TEXT = b"all work and no play makes a dull boy\n" * 1000


class Wire:
    """What an outlet writes, and what a reader makes of it."""

    def __init__(self, packed=True, later=None):
        self.written = []
        self.outlet = compression.Outlet(self.written.append, later)
        if packed:
            self.outlet.pack()
        self._reader = wire.Reader(wire.DOWNWARD)

    @property
    def size(self):
        return len(b"".join(self.written))

    def read(self):
        return self._reader.feed(b"".join(self.written))


@given(st.booleans(), st.booleans(), MESSAGES, CUTS)
def test_what_is_sent_is_what_is_read(packed, gathered, messages, cuts):
    waiting = []
    way = Wire(packed, waiting.append if gathered else None)
    for message in messages:
        way.outlet.send(*message)
    assert len(waiting) == (1 if gathered and messages else 0)
    for flush in waiting:
        flush()
    reader = wire.Reader(wire.DOWNWARD)
    parts = pieces(b"".join(way.written), cuts)
    assert [message for part in parts for message in reader.feed(part)] == messages
    assert reader.was_packed <= packed


@pytest.mark.parametrize("size", [1, 5000, wire.MAX_DATA])
@pytest.mark.parametrize("packed", [False, True])
def test_data_between_messages(size, packed):
    """In the order in which it was sent, whichever of it is packed or waits."""
    way, expected = Wire(later=lambda flush: None), []
    for number, content in enumerate((TEXT, os.urandom(size), TEXT, os.urandom(size))):
        data = content[:size]
        way.outlet.send(wire.PING, number)
        way.outlet.send_data(number, wire.STDIN, data, packed)
        expected += [(wire.PING, number, b""), (wire.DATA, number, wire.stream_byte(0) + data)]
    way.outlet.flush()
    assert way.read() == expected


@pytest.mark.parametrize("size", [wire.MAX_BODY, wire.MAX_UNPACKED, 3 * wire.MAX_UNPACKED + 5])
def test_a_large_message(size):
    for content in (size * b"x", os.urandom(size)):
        way = Wire()
        way.outlet.send(wire.OPEN, 7, content)
        assert way.read() == [(wire.OPEN, 7, content)]


def test_a_large_message_is_packed_unless_it_is_noise():
    size = 2 << 20
    way = Wire()
    way.outlet.send(wire.OPEN, 7, TEXT * (size // len(TEXT)))
    assert way.size < size // 10
    noise, way = os.urandom(size), Wire()
    way.outlet.send(wire.OPEN, 7, noise)
    assert way.written == [wire.frame(wire.OPEN, 7, noise)]


def test_what_is_alike_takes_next_to_nothing():
    way = Wire()
    request = os.urandom(1000)
    way.outlet.send(wire.OPEN, 1, request)
    first = way.size
    for number in range(2, 12):
        way.outlet.send(wire.OPEN, number, request)
    assert way.size - first < 10 * 60


def test_text_is_packed_and_noise_is_not():
    way = Wire()
    for _ in range(64):
        way.outlet.send_data(1, wire.STDIN, TEXT[: wire.MAX_DATA], True)
    assert way.size < 64 * len(TEXT) // 10
    noise = os.urandom(wire.MAX_DATA)
    way = Wire()
    for _ in range(64):
        way.outlet.send_data(1, wire.STDIN, noise, True)
    tried = [data for data in way.written if data[:1] != wire.frame(wire.DATA, 1)[:1]]
    assert 0 < len(tried) < 6
    assert way.size < 1.01 * 64 * len(noise)


def test_data_behind_noise_is_tried_again():
    way = Wire()
    way.outlet.send_data(1, wire.STDIN, os.urandom(wire.MAX_DATA), True)
    while len(way.written[-1]) > len(TEXT) // 2:
        way.outlet.send_data(1, wire.STDIN, TEXT, True)
    assert len(way.written) < 100


def test_what_is_not_wanted_packed_is_not_packed():
    way = Wire()
    way.outlet.send_data(1, wire.STDIN, TEXT, False)
    assert way.written == [wire.data_frame(1, wire.STDIN, TEXT)]


# What a peer may try


def packed(data):
    return wire.frame(wire.PACKED, 0, data)


def stream(data):
    deflate = zlib.compressobj(9, zlib.DEFLATED, wire.MAX_BITS)
    return deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH)


REFUSED = {
    "more than a message may hold": stream((wire.MAX_UNPACKED + 1) * b"\0"),
    "much more": stream(1000 * wire.MAX_BODY * b"\0"),
    "no compressed stream": b"no compressed stream",
    "frames packed twice": stream(packed(stream(wire.frame(wire.PING, 1)))),
    "a kind for the other direction": stream(wire.frame(wire.HELLO, 1)),
    "a frame that is too long": stream(b"\x01\0\0\0\1\0\2\0\0"),
    "something behind the stream's end": zlib.compress(b"", 9) + b"behind it",
    "a stream that looks further back": zlib.compress(TEXT, 9),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_refused(body):
    with pytest.raises(wire.ProtocolError):
        wire.Reader(wire.DOWNWARD).feed(packed(body))


def test_a_stream_goes_on_from_frame_to_frame():
    data = stream(wire.frame(wire.PING, 1, b"one") + wire.frame(wire.PING, 2, b"two"))
    reader = wire.Reader(wire.DOWNWARD)
    messages = [message for byte in data for message in reader.feed(packed(bytes([byte])))]
    assert messages == [(wire.PING, 1, b"one"), (wire.PING, 2, b"two")]


def test_only_where_it_is_allowed():
    with pytest.raises(wire.ProtocolError):
        wire.Reader(frozenset([wire.PING])).feed(packed(stream(b"")))


# Packed or not


def is_packed_after(rates, measurements):
    """What a stream comes to that is taken at these rates: plain, packed."""
    pace, now = flow_control.Pace(), 1000.0
    seen = []
    for _ in range(measurements * flow_control.WINDOW // flow_control.GRANT):
        now += flow_control.GRANT / rates[pace.is_packed]
        pace.taken(flow_control.GRANT, now)
        seen.append(pace.is_packed)
    return seen


FAST = 4 * flow_control.SLOW


@pytest.mark.parametrize("plain, packed", [(FAST, 2 * FAST), (2 * FAST, FAST)])
def test_a_stream_goes_the_way_that_is_faster(plain, packed):
    seen = is_packed_after((plain, packed), 100)
    better = packed > plain
    assert seen.count(better) > 0.8 * len(seen)
    assert seen.count(not better) > 0  # the other is tried, and tried again
    assert seen[len(seen) // 2 :].count(not better) > 0


def test_a_stream_over_a_slow_link_is_always_packed():
    """Not even tried plain, which would take a while."""
    assert all(is_packed_after((2 * flow_control.SLOW, flow_control.SLOW / 2), 100))


def test_a_stream_is_packed_at_first():
    assert all(is_packed_after((FAST, FAST), 1))


def test_a_clock_that_stands_still():
    """Each form is taken at once, and each is tried, as ever."""
    pace, seen = flow_control.Pace(), set()
    for _ in range(100):
        pace.taken(flow_control.WINDOW, 1000.0)
        seen.add(pace.is_packed)
    assert seen == {True, False}
