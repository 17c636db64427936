"""Types of the values of variables and results: 2.19 to 2.21.

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


def may_be_template(value: object) -> bool:
    """Return whether a value is a text that may be a template.

    Source: `is_possibly_template` in `_internal/_templating/_jinja_bits.py`, 2.19 to 2.21.
    """
    return isinstance(value, str) and ("{" in value or value.startswith("#jinja2:"))
