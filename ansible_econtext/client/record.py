"""Typed values for the wire: a class whose fields are its annotations.  No I/O.

A record travels as a tuple: the name of its class, then its values in their order.  What is
decoded is checked against the annotations, by functions that are made once for each class.

Neither dataclasses nor named tuples, for the sake of the broker's start: of its 65 ms the import
of the former would take 10, and 31 classes of the latter 3.6; 31 of these take 0.4.
"""

import enum
import functools
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_args, get_origin

from econtext.target import codec

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda kind: kind


#: Returns a field's decoded value with its records made again; raises ValueError.
Reader = Callable[[Any], Any]


class RecordError(ValueError):
    """Raised if the peer sent something else than a record of a known kind."""


@dataclass_transform(frozen_default=True)
class Record:
    """Base of records.  They do not change, and their text holds no values: some are secret."""

    _fields: ClassVar[tuple[str, ...]]
    _defaults: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        annotations = cls.__annotations__
        cls._fields = tuple(annotations)
        cls._defaults = {name: cls.__dict__[name] for name in annotations if name in cls.__dict__}

    def __init__(self, *values: Any, **named: Any) -> None:
        """Set the fields; raises TypeError if one has no value, or an unknown one has."""
        fields = self._fields
        given = {**self._defaults, **dict(zip(fields, values, strict=False)), **named}
        if len(values) > len(fields) or given.keys() != set(fields):
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}")
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} does not change")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def replace(self: "R", **changes: Any) -> "R":
        """Return a copy with other values of some fields."""
        return type(self)(**{**self.__dict__, **changes})


R = TypeVar("R", bound=Record)


def encode(record: Record) -> bytes:
    """Return a record's bytes; raises codec.EncodeError if a value has none."""
    return codec.encode(_plain(record))


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        values = value.__dict__
        return (type(value).__name__, *[_plain(values[name]) for name in value._fields])
    if type(value) is list and value and isinstance(value[0], Record):
        return [_plain(each) for each in value]
    return value


def kinds_of(base: type[R]) -> dict[str, type[R]]:
    """Return the classes that derive from `base` by their names, or `base` alone."""
    return {kind.__name__: kind for kind in base.__subclasses__() or [base]}


def decode(data: bytes, kinds: dict[str, type[R]]) -> R:
    """Return the record in `data`, of one of these kinds; raises RecordError."""
    try:
        value = codec.decode(data)
    except codec.DecodeError as error:
        raise RecordError(f"bytes that are no record: {error}") from error
    return _record(kinds, value)


def _record(kinds: dict[str, type[R]], value: Any) -> R:
    if type(value) is not tuple or not value or type(value[0]) is not str:
        raise RecordError(f"a {type(value).__name__} that is no record")
    kind = kinds.get(value[0])
    if kind is None:
        raise RecordError(f"a record of an unknown kind, {value[0]!r}")
    if len(value) != 1 + len(kind._fields):
        wanted = f"{len(kind._fields)} fields of {kind.__name__}"
        raise RecordError(f"{len(value) - 1} values for the {wanted}")
    made = object.__new__(kind)
    values = made.__dict__
    readers = _readers(kind)  # type: ignore[arg-type]  # a class has a hash; its objects have not
    for name, read, each in zip(kind._fields, readers, value[1:], strict=True):
        try:
            values[name] = read(each)
        except ValueError as error:
            raise RecordError(f"{kind.__name__}.{name}: {error}") from None
    return made


@functools.cache
def _readers(kind: type[Record]) -> tuple[Reader, ...]:
    """Return the readers of a class's fields, which are made when the first record comes."""
    return tuple(map(_reader, kind.__annotations__.values()))


def _reader(annotation: Any) -> Reader:
    outer, inner = get_origin(annotation), get_args(annotation)
    allowed = frozenset(inner if outer is types.UnionType else [outer or annotation])

    def read(value: Any) -> Any:
        if type(value) not in allowed:
            wanted = " or ".join(sorted(kind.__name__ for kind in allowed))
            raise RecordError(f"{type(value).__name__} in place of {wanted}")
        return value

    if outer in (list, tuple) and inner[0] is not Any:
        read_item = _reader(inner[0])
        return lambda value: outer(map(read_item, read(value)))
    if outer is dict:
        read_key, read_item = map(_reader, inner)
        return lambda value: {read_key(key): read_item(each) for key, each in read(value).items()}
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return functools.partial(_record, kinds_of(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return annotation  # raises ValueError
    return read
