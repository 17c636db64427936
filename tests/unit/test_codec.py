"""The codec: what is encoded comes back, and junk raises DecodeError and nothing else."""

import struct
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from econtext.target import codec

# Lone surrogates too: they stand for file names that are not UTF-8.
TEXT = st.text(st.characters(exclude_categories=()))
INTEGERS = st.integers() | st.integers(-(10**3000), 10**3000)
SCALARS = st.none() | st.booleans() | INTEGERS | st.floats() | TEXT | st.binary()
PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT | st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(PLAIN, inner)
        | st.sets(PLAIN)
        | st.frozensets(PLAIN)
    ),
    max_leaves=20,
)


def canonical(value: object) -> object:
    """A form in which two values are equal when type and content are, nan and -0.0 included."""
    kind = type(value).__name__
    match value:
        case float():
            return kind, struct.pack("!d", value)
        case list() | tuple():
            return kind, [canonical(item) for item in value]
        case set() | frozenset():
            return kind, sorted(repr(canonical(item)) for item in value)
        case dict():
            return kind, sorted(repr((canonical(k), canonical(v))) for k, v in value.items())
    return kind, value


@given(VALUES)
@example([-0.0, float("inf"), float("-inf"), float("nan")])
@example({"empty": ([], (), set(), {}, "", b"")})
@example("a name that is not UTF-8: \udcff, and half of a pair: \ud83d")
@example([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**3600, -(10**3600)])
@example({True: 1, b"key": {0.5, None, 2**63 - 1, -(2**63)}})
def test_round_trip(value):
    assert canonical(codec.decode(codec.encode(value))) == canonical(value)


@pytest.mark.parametrize("value", [bytearray(b"ab"), memoryview(b"ab"), memoryview(b"axbx")[::2]])
def test_bytes_of_every_kind_come_back_as_bytes(value):
    assert codec.decode(codec.encode(value)) == b"ab"


class HashableList(list):
    """What a caller's own classes may do: a list that can be a key."""

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    "value",
    [
        {frozenset([1])},
        {frozenset([1]): "value"},
        {(1, 2): "value"},
        {()},
        {2**63: "value"},
        {-(2**63) - 1},
        {HashableList([1])},
        {HashableList([1]): "value"},
    ],
    ids=repr,
)
def test_keys_and_members_are_plain_on_both_sides(value):
    """A target chose others of one hash: 64 MiB of them kept the broker busy for hours."""
    with pytest.raises(codec.EncodeError, match="key or a member"):
        codec.encode(value)
    item = codec.encode(next(iter(value)))
    for tag, rest in ((b"s", b""), (b"z", b""), (b"d", b"N")):
        with pytest.raises(codec.DecodeError, match="key or a member"):
            codec.decode(tag + b"\0\0\0\1" + item + rest)
        with pytest.raises(codec.DecodeError, match="key or a member"):
            codec.decode(tag + b"\0\0\0\2" + b"T" + rest + item + rest)


@pytest.mark.parametrize("value", [{}, set(), frozenset()], ids=repr)
@pytest.mark.parametrize("first", [0, 0.5])
def test_numbers_among_keys_and_members_are_bounded_on_both_sides(value, first, monkeypatch):
    """A target chose keys that collide: 40,000 took 0.5 s, and 64 MiB of them would take hours."""
    numbers = [first + number for number in range(codec.MAX_NUMBERS + 1)]
    texts = [str(number) for number in numbers]
    kind = dict.fromkeys if isinstance(value, dict) else type(value)
    most = kind(numbers[:-1] + texts)
    assert codec.decode(codec.encode(most)) == most
    with pytest.raises(codec.EncodeError, match="numbers"):
        codec.encode(kind(numbers))
    assert codec.decode(codec.encode(numbers)) == numbers
    with monkeypatch.context() as patch:
        patch.setattr(codec, "MAX_NUMBERS", 2 * len(numbers))
        encoded = codec.encode(kind(numbers))
    with pytest.raises(codec.DecodeError, match="numbers"):
        codec.decode(encoded)


def test_an_integer_is_refused_only_where_it_is_too_long():
    assert codec.decode(codec.encode(10**3600)) == 10**3600
    with pytest.raises(codec.EncodeError, match="digits"):
        codec.encode(10**5000)


@pytest.mark.parametrize(
    "value, name",
    [
        (1j, "builtins.complex"),
        (object(), "builtins.object"),
        (codec.encode, "builtins.function"),
        (range(3), "builtins.range"),
        (HashableList, "builtins.type"),
        (ValueError("x"), "builtins.ValueError"),
        (struct.Struct("!L"), "Struct"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_encode_error_names_the_type(value, name):
    for wrapped in (value, [value], {"key": (value,)}):
        with pytest.raises(codec.EncodeError, match=name):
            codec.encode(wrapped)


# Junk


def assert_decoded_or_refused(data: bytes) -> None:
    """The one invariant: a value, or DecodeError.  Any other exception fails the test."""
    try:
        value = codec.decode(data)
    except codec.DecodeError:
        return
    assert isinstance(
        value,
        None.__class__ | bool | int | float | str | bytes | list | tuple | set | frozenset | dict,
    )


# Bytes that look like the format get further into the decoder than random ones do.
PLAUSIBLE = st.lists(
    st.sampled_from([bytes([tag]) for tag in b"NTFiIfublstzdx-0123456789\xff"])
    | st.integers(0, 3).map(struct.Struct("!L").pack)
    | st.integers(0, 0xFFFFFFFF).map(struct.Struct("!L").pack)
    | st.binary(max_size=9)
).map(b"".join)


@given(st.binary() | PLAUSIBLE)
@example(b"s\0\0\0\1l\0\0\0\0")
@example(b"d\0\0\0\1d\0\0\0\0N")
@example(b"u\0\0\0\1\xff")
@example(b"I\0\0\0\0")
@example(b"I\0\0\0\1-")
@example(b"I\0\0\0\3 1 ")
@example(b"I\0\0\0\3" + "\u0663".encode() + b"1")
@example(b"I\0\0\x17\x70" + 6000 * b"9")
def test_junk(data):
    assert_decoded_or_refused(data)


@given(VALUES, st.data())
def test_mutations_of_valid_encodings(value, data):
    encoded = bytearray(codec.encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(encoded)))
        end = data.draw(st.integers(start, min(len(encoded), start + 5)))
        encoded[start:end] = data.draw(st.binary(max_size=5))
    assert_decoded_or_refused(bytes(encoded))


@given(VALUES, st.binary(min_size=1))
def test_bytes_after_the_value(value, junk):
    with pytest.raises(codec.DecodeError):
        codec.decode(codec.encode(value) + junk)


@given(VALUES, st.data())
def test_a_part_of_a_value(value, data):
    encoded = codec.encode(value)
    with pytest.raises(codec.DecodeError):
        codec.decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


# Bounds


def nested(levels: int) -> object:
    value: object = None
    for _ in range(levels):
        value = [value]
    return value


def test_depth_is_bounded_on_both_sides():
    deepest = nested(codec.MAX_DEPTH)
    assert codec.decode(codec.encode(deepest)) == deepest
    with pytest.raises(codec.EncodeError, match="deeper"):
        codec.encode(nested(codec.MAX_DEPTH + 1))
    for levels in (codec.MAX_DEPTH + 1, 100_000):
        with pytest.raises(codec.DecodeError, match="deeper"):
            codec.decode(levels * b"t\0\0\0\1" + b"N")


@pytest.mark.parametrize(
    "value",
    [[9 * [None]], (9 * (0.5,),), [{*range(9)}], {"key": 8 * [()]}, [{1: 2}, {3: 4}, {}, 5, "", 6]],
)
def test_items_of_all_collections_are_bounded_together_on_both_sides(value, monkeypatch):
    """4 MiB of empty sets kept a controller busy for 2 s, and 64 MiB for half a minute."""
    monkeypatch.setattr(codec, "MAX_VALUES", 10)
    encoded = codec.encode(value)
    assert codec.decode(encoded) == value
    monkeypatch.setattr(codec, "MAX_VALUES", 9)
    with pytest.raises(codec.EncodeError, match="items together"):
        codec.encode(value)
    with pytest.raises(codec.DecodeError, match="items together"):
        codec.decode(encoded)


def test_a_value_that_holds_itself_is_refused():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(codec.EncodeError, match="deeper"):
        codec.encode(loop)


@pytest.mark.parametrize("tag", [b"l", b"t", b"s", b"z", b"d", b"u", b"b", b"I"])
def test_a_small_message_cannot_announce_much(tag):
    words = "announced" if tag in b"ltszd" else "missing"
    tracemalloc.start()
    try:
        for length in (9, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            with pytest.raises(codec.DecodeError, match=words):
                codec.decode(tag + struct.pack("!L", length) + b"NNNNNNNN")
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
