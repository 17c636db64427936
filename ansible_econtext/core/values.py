"""Types and copies of the values of variables and results: 2.19 to 2.21.

Source: `module_utils/_internal/_datatag/__init__.py`.  A value that was read from a file has a
tagged type, which carries its place there and whether it may be a template.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

#: Types of values that cannot change and have no tags.
PLAIN = frozenset([bool, int, float, str])


class Types(NamedTuple):
    """Types of this ansible-core's values."""

    #: Types of values that cannot change, and so need no copy.
    fixed: frozenset[type]
    tagged_dict: type
    tagged_list: type
    #: tag_copy(source, value) returns the value with the tags of the source.
    tag_copy: Callable[[Any, Any], Any]


@functools.cache
def types() -> Types:
    """Return the types of this ansible-core's values."""
    from ansible.module_utils._internal import _datatag

    return Types(
        fixed=frozenset(_datatag._ANSIBLE_ALLOWED_SCALAR_VAR_TYPES) | PLAIN,
        tagged_dict=_datatag._AnsibleTaggedDict,
        tagged_list=_datatag._AnsibleTaggedList,
        tag_copy=_datatag.AnsibleTagHelper.tag_copy,
    )


class NotPlain(Exception):
    """Raised if a value must be copied by `pickle`."""


def copied(value: Any, made: dict[int, Any]) -> Any:
    """Return a copy of a value as `pickle` would make it, faster; raises NotPlain.

    `made` holds the copies of the same result so far, by the identity of their originals.
    """
    kind, known = type(value), types()
    if kind in known.fixed:
        return value
    if id(value) in made:
        return made[id(value)]
    if kind is dict or kind is known.tagged_dict:
        members: dict[Any, Any] = {}
        made[id(value)] = members = known.tag_copy(value, members) if kind is not dict else members
        for name, each in value.items():
            members[copied(name, made)] = copied(each, made)
        return members
    if kind is list or kind is known.tagged_list:
        items: list[Any] = []
        made[id(value)] = items = known.tag_copy(value, items) if kind is not list else items
        items.extend(copied(each, made) for each in value)
        return items
    raise NotPlain


def may_be_template(value: object) -> bool:
    """Return whether a value is a text that may be a template.

    Source: `is_possibly_template` in `_internal/_templating/_jinja_bits.py`, 2.19 to 2.21.
    """
    return isinstance(value, str) and ("{" in value or value.startswith("#jinja2:"))
