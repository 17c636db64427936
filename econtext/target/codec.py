"""Codec of values to bytes and back.  No I/O, and nothing is ever executed.

=====  ==========================  =========================================
tag    value                       after the tag
=====  ==========================  =========================================
``N``  None
``T``  True
``F``  False
``i``  integer of 64 bits          8 bytes, signed, big-endian
``I``  any other integer           length, then decimal digits
``f``  float                       8 bytes, IEEE 754, big-endian
``u``  text                        length, then UTF-8
``b``  bytes                       length, then the bytes
``l``  list                        number of items, then the items
``t``  tuple                       number of items, then the items
``s``  set                         number of items, then the items
``z``  frozenset                   number of items, then the items
``d``  dict                        number of pairs, then key, value, ...
=====  ==========================  =========================================

Lengths and numbers are 4 bytes, unsigned, big-endian.  Keys and members of sets are of the
plain kinds alone, None to bytes, without ``I``: a peer can choose other values so that all have
one hash, and their decoding takes hours.  One collection has `MAX_NUMBERS` numbers at the most as
its keys or members, since a peer can choose them too so that each one collides with many others.
All collections of a value have `MAX_VALUES` items together: more would take the decoder seconds.
"""

import struct

from econtext.target import compat

MAX_DEPTH = 100

#: With all of them chosen to collide, a dict or set of them takes some 0.03 s.
MAX_NUMBERS = 10000

#: So many empty sets or dicts take 0.2 s and 60 MB; 64 MiB of them took half a minute.
MAX_VALUES = 1 << 18

_LENGTH = struct.Struct("!L")
_INTEGER = struct.Struct("!q")
_FLOAT = struct.Struct("!d")
_NUMERIC = compat.integers + (float,)
_PLAIN = (compat.text, bytes, float, type(None))  # and integers of 64 bits
_MAX_LENGTH = 0xFFFFFFFF
_MAX_DIGITS = 4000  # Python 3.11 and later refuse to read more than 4,300 digits


class EncodeError(ValueError):
    """Raised if the caller's value has a type, depth or size that cannot be sent."""


class DecodeError(ValueError):
    """Raised if the peer sent bytes that are not an encoded value."""


def encode(value):
    # type: (object) -> bytes
    """Return the bytes for `value`; raises EncodeError, which names the type at fault."""
    parts = []  # type: list
    _encode(value, parts, 0, [0])
    return b"".join(parts)


def decode(data):
    # type: (bytes) -> object
    """Return the value in `data`, which must hold exactly one; raises DecodeError."""
    try:
        value, end = _decode(bytes(data), 0, 0, [0])
    except struct.error:
        raise DecodeError("bytes are missing")
    if end != len(data):
        raise DecodeError("%d bytes after the value" % (len(data) - end))
    return value


def _sized(tag, data, parts):
    # type: (bytes, bytes, list) -> None
    if len(data) > _MAX_LENGTH:
        raise EncodeError("a value of %d bytes is too long to send" % len(data))
    parts.append(tag)
    parts.append(_LENGTH.pack(len(data)))
    parts.append(data)


def _encode(value, parts, depth, total):
    # type: (object, list, int, list) -> None
    if depth > MAX_DEPTH:
        raise EncodeError("the value is nested deeper than %d levels" % MAX_DEPTH)
    if value is None:
        parts.append(b"N")
    elif value is True or value is False:
        parts.append(b"T" if value else b"F")
    elif isinstance(value, compat.text):
        _sized(b"u", compat.encode_text(value), parts)
    elif isinstance(value, (bytes, bytearray)):
        _sized(b"b", bytes(value), parts)
    elif isinstance(value, memoryview):
        _sized(b"b", value.tobytes(), parts)
    elif isinstance(value, compat.integers):
        _encode_integer(value, parts)
    elif isinstance(value, float):
        parts.append(b"f" + _FLOAT.pack(value))
    elif isinstance(value, dict):
        _count(2 * len(value), total, EncodeError)
        parts.append(b"d" + _LENGTH.pack(len(value)))
        _check_members(value, EncodeError)
        for key, item in value.items():
            _encode(key, parts, depth + 1, total)
            _encode(item, parts, depth + 1, total)
    else:
        _encode_sequence(value, parts, depth, total)


def _encode_sequence(value, parts, depth, total):
    # type: (object, list, int, list) -> None
    for tag, kind in ((b"l", list), (b"t", tuple), (b"s", set), (b"z", frozenset)):
        if isinstance(value, kind):
            _count(len(value), total, EncodeError)  # type: ignore[arg-type]
            parts.append(tag + _LENGTH.pack(len(value)))  # type: ignore[arg-type]
            if tag in b"sz":
                _check_members(value, EncodeError)
            for item in value:  # type: ignore[attr-defined]
                _encode(item, parts, depth + 1, total)
            return
    kind = type(value)
    raise EncodeError("a value of type %s.%s cannot be sent" % (kind.__module__, kind.__name__))


def _count(items, total, error):
    # type: (int, list, type) -> None
    """Add to the items of all collections of a value; raise the error if they are too many."""
    total[0] += items
    if total[0] > MAX_VALUES:
        raise error("collections of more than %d items together" % MAX_VALUES)


def _check_members(members, error):
    # type: (object, type) -> None
    """Raise the error unless all keys or members are plain, and few of them numbers."""
    numbers = 0
    for each in members:  # type: ignore[attr-defined]
        is_plain = isinstance(each, _PLAIN)
        if isinstance(each, compat.integers):
            is_plain = -(1 << 63) <= each < 1 << 63  # type: ignore[operator]
        if not is_plain:
            text = "this %s cannot be a key or a member of a set (64 bits at the most)"
            raise error(text % type(each).__name__)
        numbers += isinstance(each, _NUMERIC)
    if numbers > MAX_NUMBERS:
        raise error("more than %d numbers as keys or members of a set" % MAX_NUMBERS)


def _encode_integer(value, parts):
    # type: (object, list) -> None
    if -(1 << 63) <= value < (1 << 63):  # type: ignore[operator]
        parts.append(b"i" + _INTEGER.pack(value))
        return
    if value.bit_length() > 3 * _MAX_DIGITS:  # type: ignore[attr-defined]
        raise EncodeError("an integer of more than %d digits cannot be sent" % _MAX_DIGITS)
    _sized(b"I", ("%d" % value).encode("ascii"), parts)  # type: ignore[str-format]


def _text(data):
    # type: (bytes) -> str
    try:
        return compat.decode_text(data)
    except UnicodeDecodeError:
        raise DecodeError("text that is not UTF-8")


def _decode(data, start, depth, total):
    # type: (bytes, int, int, list) -> tuple
    if depth > MAX_DEPTH:
        raise DecodeError("nested deeper than %d levels" % MAX_DEPTH)
    tag = data[start : start + 1]
    start += 1
    if tag in _SIZED:
        (length,) = _LENGTH.unpack_from(data, start)
        start += 4
        part = data[start : start + length]
        if len(part) != length:
            raise DecodeError("%d bytes are missing" % (length - len(part)))
        return _SIZED[tag](part), start + length
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], start
    if tag in _ITEMS:
        (length,) = _LENGTH.unpack_from(data, start)
        return _decode_items(tag, data, start + 4, length, depth, total)
    if tag in _NUMBERS:
        (number,) = _NUMBERS[tag].unpack_from(data, start)
        return number, start + 8
    raise DecodeError("unknown tag %r" % tag)


_CONSTANTS = {b"N": None, b"T": True, b"F": False}
_NUMBERS = {b"i": _INTEGER, b"f": _FLOAT}
_ITEMS = frozenset([b"l", b"t", b"s", b"z", b"d"])


def _integer(part):
    # type: (bytes) -> int
    digits = part[1:] if part[:1] == b"-" else part
    if not digits.isdigit() or len(digits) > 2 * _MAX_DIGITS:
        raise DecodeError("an integer that is not a number")
    try:
        return int(part)
    except ValueError:
        raise DecodeError("an integer with too many digits")


_SIZED = {b"u": _text, b"b": bytes, b"I": _integer}


def _decode_items(tag, data, start, length, depth, total):
    # type: (bytes, bytes, int, int, int, list) -> tuple
    count = 2 * length if tag == b"d" else length
    # Each item takes a byte at least, so a small message cannot announce a
    # list that would fill the memory.
    if count > len(data) - start:
        raise DecodeError("%d items announced in %d bytes" % (count, len(data) - start))
    _count(count, total, DecodeError)
    items = []
    for _ in range(count):
        item, start = _decode(data, start, depth + 1, total)
        items.append(item)
    if tag == b"l":
        return items, start
    if tag == b"t":
        return tuple(items), start
    _check_members(items[::2] if tag == b"d" else items, DecodeError)
    if tag == b"s":
        return set(items), start
    if tag == b"z":
        return frozenset(items), start
    return dict(zip(items[::2], items[1::2])), start
