"""Faster validation and copies of the fields of tasks and play contexts.

A task has some fifty fields, of which a play sets three or four.  ansible-core goes through all of
them several times for each task and for each item of a loop.
"""

import copy
import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from ansible.playbook.base import FieldAttributeBase
from ansible.playbook.role_include import IncludeRole
from ansible.utils.sentinel import Sentinel

from ansible_econtext.core import values
from ansible_econtext.core.patch import replaced

#: Attributes that `copy` takes over besides the fields.
_BESIDES = "_loader _variable_manager _origin _validated _finalized _uuid _ds".split()


def validated_once() -> AbstractContextManager[None]:
    """Validate each plain value once in a play, and copy no field that cannot change.

    Source: `FieldAttributeBase.post_validate`, `post_validate_attribute`, `get_validated_value`
    and `copy` in `playbook/base.py`, 2.19 to 2.21.  A field that is not set stays so, unless it
    is required.  The result for a plain value without a template depends on the field's type
    alone.
    """
    kind: Any = FieldAttributeBase
    return replaced(kind, post_validate=_post_validate(), copy=_copy(kind.copy))


class _Field(NamedTuple):
    name: str
    is_static: bool
    is_list: bool
    #: Whether the result for a value without a template depends on the value alone.
    is_simple: bool


class _Validation:
    """Cache of validated values, for the time of a play."""

    def __init__(self) -> None:
        self._fixed = values.types().fixed
        #: (value, result).  The value is kept, as its identity may be part of the key.
        self._kept: dict[tuple[object, ...], tuple[object, object]] = {}

    def validated(self, owner: Any, field: _Field, templar: Any) -> object:
        """Return the value that the field gets; Sentinel if it keeps its own."""
        value: Any = getattr(owner, field.name)
        if field.is_static:
            if value is None or _is_without_template(value):
                return Sentinel
        elif field.is_simple:
            if value is None:
                return Sentinel
            if type(value) is list and not value and field.is_list:
                return []
            if type(value) in self._fixed and not values.may_be_template(value):
                return self._once(owner, field.name, value, templar)
        return owner.post_validate_attribute(field.name, templar=templar)

    def _once(self, owner: Any, name: str, value: object, templar: Any) -> object:
        # A value that is not plain has tags, which count: it is known by its identity.
        is_plain = type(value) in values.PLAIN
        key = type(owner), name, type(value), value if is_plain else id(value)
        if key in self._kept:
            return self._kept[key][1]
        found: object = owner.post_validate_attribute(name, templar=templar)
        if type(found) in (values.PLAIN if is_plain else self._fixed):
            self._kept[key] = value, found
        return found


def _post_validate() -> Callable[[Any, Any], None]:
    """Return the replacement of `FieldAttributeBase.post_validate`."""
    validation = _Validation()

    def post_validate(owner: Any, templar: Any) -> None:
        kind: Any = type(owner)
        for field in _fields_of(kind):
            value = validation.validated(owner, field, templar)
            if value is not Sentinel:
                setattr(owner, field.name, value)
        owner._finalized = True

    return post_validate


def _is_without_template(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(x, str) and not values.may_be_template(x) for x in value
    )


@functools.cache
def _fields_of(kind: Any) -> list[_Field]:
    """Return the fields of a class that ansible-core would validate."""
    is_complicated = issubclass(kind, IncludeRole)  # its fields depend on how the role is included
    return [
        _Field(
            name=name,
            is_static=field.static,
            is_list=field.isa == "list",
            is_simple=not is_complicated and _is_simple(kind, name, field),
        )
        for name, field in kind.fattributes.items()
        if is_complicated
        or kind._post_validate_object
        or field.static
        or field.required
        or field.always_post_validate
    ]


def _is_simple(kind: Any, name: str, field: Any) -> bool:
    methods = f"_post_validate_{name}", f"_get_attr_{name}"
    has_methods = any(hasattr(kind, method) for method in methods)
    return not (has_methods or field.required or field.isa in ("class", "dict"))


def _copy(stock: Any) -> Callable[[Any], Any]:
    """Return the replacement of `FieldAttributeBase.copy`."""
    shared = values.types().fixed | {type(Sentinel)}

    def copied(owner: Any) -> Any:
        kind: Any = type(owner)
        names = _slots_of(kind)
        if names is None:
            return stock(owner)
        try:
            made = kind()
        except RecursionError:
            return stock(owner)  # which reports it
        old, new = vars(owner), vars(made)
        for name in names:
            value = old.get(name, Sentinel)
            new[name] = value if type(value) in shared else copy.copy(value)
        for name in _BESIDES:
            if name in old:
                new[name] = old[name]
        return made

    return copied


@functools.cache
def _slots_of(kind: Any) -> list[str] | None:
    """Return the attributes that hold the fields; None if others hold some."""
    names = [f"_{name}" for name in kind.fattributes]
    return None if any(hasattr(kind, name) for name in names) else names
