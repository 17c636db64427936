"""Frames: however they are cut and mixed, the same messages come out, or ProtocolError."""

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econtext.target import wire

from .conftest import pieces

#: A frame of this size at the most, so that small messages have parts too.
SMALL = 16

MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(sorted(wire.UPWARD - {wire.DATA, wire.PACKED})),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=3 * SMALL),
    )
)
CUTS = st.lists(st.integers(0, 1000), max_size=8)
HEADER = wire._HEADER
MORE = 0x80


def read_all(parts, kinds=wire.UPWARD, limit=wire.MAX_MESSAGE):
    reader = wire.Reader(kinds, limit)
    return [message for part in parts for message in reader.feed(part)]


# What is sent is what is read


@given(MESSAGES, CUTS)
def test_messages_in_pieces(messages, cuts):
    with mock.patch.object(wire, "MAX_BODY", SMALL):
        data = b"".join(wire.frame(*message) for message in messages)
        assert read_all([data]) == messages
        assert read_all([data[i : i + 1] for i in range(len(data))]) == messages
        assert read_all(pieces(data, cuts)) == messages


@pytest.mark.parametrize("extra", [-1, 0, 1, wire.MAX_BODY, 10 * wire.MAX_BODY + 7])
def test_big_messages_are_split_and_joined(extra):
    body = bytes(range(256)) * 256
    body = (body * 12)[: wire.MAX_BODY + extra]
    data = wire.frame(wire.RESULT, 7, body)
    assert read_all([data]) == [(wire.RESULT, 7, body)]
    assert read_all(pieces(data, [1, 8, 9, 10, 65544, 65545, 65546])) == [(wire.RESULT, 7, body)]


@given(st.data())
def test_parts_of_two_messages_interleave(data):
    """Between channels, and between the kinds of one channel."""
    bodies = [data.draw(st.binary(min_size=SMALL + 1, max_size=5 * SMALL)) for _ in range(2)]
    addresses = data.draw(
        st.sampled_from([((wire.RESULT, 1), (wire.RESULT, 2)), ((wire.RESULT, 1), (wire.LOG, 1))])
    )
    with mock.patch.object(wire, "MAX_BODY", SMALL):
        queues = [
            frames_of(wire.frame(*address, body))
            for address, body in zip(addresses, bodies, strict=True)
        ]
        mixed = []
        while any(queues):
            queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
            mixed.append(queue.pop(0))
        messages = read_all(mixed)
    expected = [(*address, body) for address, body in zip(addresses, bodies, strict=True)]
    assert sorted(messages) == sorted(expected)


def frames_of(data: bytes) -> list[bytes]:
    frames = []
    while data:
        _, _, length = HEADER.unpack_from(data)
        frames.append(data[: HEADER.size + length])
        data = data[HEADER.size + length :]
    return frames


def test_a_stream_is_given_as_it_comes():
    data = wire.data_frame(3, wire.STDERR, b"x" * wire.MAX_DATA) + wire.data_frame(3, 1, b"")
    messages = read_all([data])
    assert [wire.split_data(body) for _, _, body in messages] == [
        (wire.STDERR, b"x" * wire.MAX_DATA),
        (wire.STDOUT, b""),
    ]


def test_a_message_behind_another_one_waits_for_its_last_byte():
    reader = wire.Reader(wire.UPWARD)
    data = wire.frame(wire.EXIT, 1, b"abc")
    assert reader.feed(data + data[:-1]) == [(wire.EXIT, 1, b"abc")]
    assert reader.feed(b"") == []
    assert reader.feed(data[-1:]) == [(wire.EXIT, 1, b"abc")]


# What is against the rules


@given(st.binary(), CUTS)
def test_junk_is_parsed_or_refused(data, cuts):
    assert_parsed_or_refused(data, cuts)


@given(MESSAGES, st.binary(min_size=1), CUTS)
def test_junk_behind_messages(messages, junk, cuts):
    with mock.patch.object(wire, "MAX_BODY", SMALL):
        assert_parsed_or_refused(
            b"".join(wire.frame(*message) for message in messages) + junk, cuts
        )


def assert_parsed_or_refused(data: bytes, cuts: list[int]) -> None:
    """No exception but ProtocolError, and the same verdict for every way to cut."""
    verdicts = []
    for parts in ([data], [data[i : i + 1] for i in range(len(data))], pieces(data, cuts)):
        try:
            verdicts.append(read_all(parts, limit=100))
        except wire.ProtocolError:
            verdicts.append(None)
    assert verdicts[0] == verdicts[1] == verdicts[2]


@pytest.mark.parametrize("kind", sorted(set(range(128)) - wire.UPWARD))
def test_unknown_kinds(kind):
    for flags in (0, MORE):
        with pytest.raises(wire.ProtocolError, match=f"kind {kind}"):
            read_all([HEADER.pack(kind | flags, 0, 0)])


def test_a_frame_that_is_too_long_is_refused_by_its_header():
    for length in (wire.MAX_BODY + 1, 0xFFFFFFFF):
        with pytest.raises(wire.ProtocolError, match=f"{length} bytes"):
            read_all([HEADER.pack(wire.RESULT, 0, length)])


def test_a_stream_has_no_parts():
    with pytest.raises(wire.ProtocolError):
        read_all([HEADER.pack(wire.DATA | MORE, 1, 2) + b"\1x"])


@pytest.mark.parametrize("size", [0, 1, wire.MAX_BODY - 1])
def test_a_part_that_is_not_the_last_one_is_full(size):
    """Else a peer could have us keep parts of a few bytes each, at 200 times their size."""
    header = HEADER.pack(wire.LOG | MORE, 1, size)
    with pytest.raises(wire.ProtocolError, match="a part that"):
        read_all([header + size * b"x"])


def test_no_last_part_is_empty():
    first = HEADER.pack(wire.LOG | MORE, 1, wire.MAX_BODY) + wire.MAX_BODY * b"x"
    with pytest.raises(wire.ProtocolError, match="a part that"):
        read_all([first + HEADER.pack(wire.LOG, 1, 0)])


def part(channel: int, size: int, more: bool = True) -> bytes:
    return HEADER.pack(wire.RESULT | (MORE if more else 0), channel, size) + size * b"x"


@pytest.fixture
def small(monkeypatch):
    """Full parts of ten bytes."""
    monkeypatch.setattr(wire, "MAX_BODY", 10)


def test_parts_are_bounded_together(small):
    read_all([part(channel, 10) for channel in range(10)], limit=100)
    with pytest.raises(wire.ProtocolError, match="more than 100 bytes"):
        read_all([part(channel, 10) for channel in range(11)], limit=100)
    with pytest.raises(wire.ProtocolError, match="more than 100 bytes"):
        read_all([*(10 * [part(1, 10)]), part(1, 1, more=False)], limit=100)


def test_what_was_given_away_is_no_longer_counted(small):
    parts = [*(9 * [part(1, 10)]), part(1, 10, more=False)]
    assert len(read_all(20 * parts, limit=100)) == 20


# The tables


def test_each_kind_has_its_direction():
    kinds = {
        name: value
        for name, value in vars(wire).items()
        if name.isupper() and isinstance(value, int) and not name.startswith(("MAX_", "_", "STD"))
    }
    del kinds["TERMINAL"]
    assert len(set(kinds.values())) == len(kinds)
    assert wire.UPWARD | wire.DOWNWARD == set(kinds.values())
    assert wire.UPWARD & wire.DOWNWARD == {wire.DATA, wire.END, wire.CREDIT, wire.PACKED}
    assert max(kinds.values()) < MORE


@given(st.binary(max_size=6))
def test_bodies_of_data_and_credit(body):
    try:
        stream, data = wire.split_data(body)
    except wire.ProtocolError:
        assert not body or body[0] > wire.TERMINAL
    else:
        assert wire.stream_byte(stream) + data == body
    try:
        amount = wire.credit_amount(body)
    except wire.ProtocolError:
        assert len(body) != 4
    else:
        assert read_all([wire.credit_frame(9, amount)]) == [(wire.CREDIT, 9, body)]
