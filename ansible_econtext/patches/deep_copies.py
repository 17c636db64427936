"""Faster deep copies of variables and of what ansible-core read from files.

`lookup('template')` copies all variables of a host each time, and each file of a role is copied
after it was read.  `copy.deepcopy` takes a string that carries its origin to pieces, and the
origin, too, to make both again: a tenth of the time of a play of many roles.
"""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

from ansible_econtext.core import values


@contextlib.contextmanager
def shared_scalars() -> Iterator[None]:
    """Make `copy.deepcopy` share tagged scalars, and copy tagged containers member by member.

    Source: `AnsibleTaggedObject` in `module_utils/_internal/_datatag/__init__.py`, 2.19 to 2.21:
    neither a tagged scalar nor a tag can change.  `copy._deepcopy_dispatch` is a table of the types
    that `deepcopy` knows, in CPython 3.10 to 3.14.
    """
    table: dict[type, Any] = vars(copy)["_deepcopy_dispatch"]
    known = values.types()
    copiers: dict[type, Any] = dict.fromkeys(known.fixed, _shared)
    copiers |= {known.tagged_dict: _copied_dict, known.tagged_list: _copied_list}
    added = {kind: copier for kind, copier in copiers.items() if kind not in table}
    table.update(added)
    try:
        yield
    finally:
        for kind in added:
            del table[kind]


def _shared(value: object, memo: dict[int, Any]) -> object:
    return value


def _copied_dict(value: dict[Any, Any], memo: dict[int, Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = values.types().tag_copy(value, {})
    memo[id(value)] = made
    for name, member in value.items():
        made[copy.deepcopy(name, memo)] = copy.deepcopy(member, memo)
    return made


def _copied_list(value: list[Any], memo: dict[int, Any]) -> list[Any]:
    made: list[Any] = values.types().tag_copy(value, [])
    memo[id(value)] = made
    made.extend(copy.deepcopy(member, memo) for member in value)
    return made
