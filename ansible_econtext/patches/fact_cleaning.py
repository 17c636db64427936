"""Faster cleaning of a host's facts, which ansible-core does before each task."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ansible.plugins.loader import connection_loader
from ansible.vars import clean, manager

from ansible_econtext.core import values
from ansible_econtext.core.patch import replaced

#: Sets of names that are kept at most.
_MOST = 200

#: Names of facts, and the directories of connection plugins with their times of change.
_Key = tuple[frozenset[Any], tuple[tuple[str, int], ...]]


def named_once() -> AbstractContextManager[None]:
    """Find the names of facts that a host may have once for the same names.

    Source: `clean_facts` in `vars/clean.py`, 2.19 to 2.21, called by `VariableManager.get_vars`.
    It compares each name with a pattern for each connection plugin, which it looks for in all
    directories.  What it removes depends on the names and on those plugins.
    """
    return replaced(manager, clean_facts=_cleaning(clean.clean_facts))


def _cleaning(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return the replacement of `clean_facts`: its result is a copy of its own, as before."""
    kept: dict[_Key, frozenset[Any]] = {}

    def clean_facts(facts: Any) -> Any:
        if type(facts) is not dict:
            return stock(facts)
        key = frozenset(facts), _connection_directories()
        names = kept.get(key)
        if names is None:
            if len(kept) >= _MOST:
                kept.clear()
            # Stock Ansible's own answer, with its warnings of names that it removes.
            names = kept[key] = frozenset(stock(dict.fromkeys(facts)))
        fixed = values.types().fixed
        return {name: _stripped(value, fixed) for name, value in facts.items() if name in names}

    return clean_facts


def _connection_directories() -> tuple[tuple[str, int], ...]:
    return tuple(
        (each.path, _changed(each.path)) for each in connection_loader._get_paths_with_context()
    )


def _changed(directory: str) -> int:
    """Return when a directory's entries changed, in nanoseconds; 0 if it is not there."""
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return 0


def _stripped(value: Any, fixed: frozenset[type]) -> Any:
    """Return a copy of a fact without ansible-core's internal keys."""
    kind = type(value)
    if kind in fixed:
        return value
    if kind is dict:
        return {
            name: _stripped(each, fixed)
            for name, each in value.items()
            if not (isinstance(name, str) and name.startswith("_ansible_"))
        }
    if kind is list:
        return [_stripped(each, fixed) for each in value]
    # The stock functions by way of a list, as they take no other value.
    return clean.strip_internal_keys(clean.module_response_deepcopy([value]))[0]
