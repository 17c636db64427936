"""How ansible-core has the values of variables and results: 2.19 to 2.21.

Source: `module_utils/_internal/_datatag/__init__.py`.  What is read from a file has types of its
own, which carry the place in it, and whether a template may be in it.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

#: Types of values that nobody can change, and that carry nothing but their value.
PLAIN = frozenset([bool, int, float, str])


class Types(NamedTuple):
    #: Those of values that nobody can change, so that they need not be copied.
    fixed: frozenset[type]
    tagged_dict: type
    tagged_list: type
    #: Gives a value what another one carries besides its value.
    tag_copy: Callable[[Any, Any], Any]


@functools.cache
def types() -> Types:
    from ansible.module_utils._internal import _datatag

    return Types(
        fixed=frozenset(_datatag._ANSIBLE_ALLOWED_SCALAR_VAR_TYPES) | PLAIN,
        tagged_dict=_datatag._AnsibleTaggedDict,
        tagged_list=_datatag._AnsibleTaggedList,
        tag_copy=_datatag.AnsibleTagHelper.tag_copy,
    )


class NotPlain(Exception):
    """A value that is to be pickled."""


def copied(value: Any, made: dict[int, Any]) -> Any:
    """A value's copy, as `pickle` makes it, at less expense; `made` has what was copied of the
    same thing already, by the identity of the original.

    Raises NotPlain where `pickle` is to do it.
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
    """Whether a value's text may be a template.

    Source: `is_possibly_template` in `_internal/_templating/_jinja_bits.py`.
    """
    return isinstance(value, str) and ("{" in value or value.startswith("#jinja2:"))
