"""How ansible-core has the values of variables and results: 2.19 to 2.21.

Source: `module_utils/_internal/_datatag/__init__.py`.  What is read from a file has types of its
own, which carry the place in it, and whether a template may be in it.
"""

import functools
import pickle
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


def copied(value: Any) -> Any:
    """A value's copy, as `pickle` makes it, at less expense.  Raises what `pickle` does, and
    RecursionError for what holds itself."""
    kind, known = type(value), types()
    if kind in known.fixed:
        return value
    if kind is dict or kind is known.tagged_dict:
        made: Any = {copied(name): copied(each) for name, each in value.items()}
    elif kind is list or kind is known.tagged_list:
        made = [copied(each) for each in value]
    else:
        return pickle.loads(pickle.dumps(value))
    return made if kind is type(made) else known.tag_copy(value, made)
