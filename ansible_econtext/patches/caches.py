"""What ansible-core makes again for each task, kept for the time of a play."""

import dataclasses
import glob
import os
import types
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import ansible.plugins.loader
import ansible.vars.manager
from ansible.executor import module_common

from ansible_econtext.core.patch import replaced


class _Archive(str):
    """A payload's archive, whose literal is made once."""

    literal: str

    def __repr__(self) -> str:
        return self.literal


class _Globs(types.ModuleType):
    """The module `glob`, with what it found in a directory that has not changed since."""

    def __init__(self) -> None:
        super().__init__("glob")
        self._found: dict[str, tuple[int, list[str]]] = {}

    def glob(self, pattern: str) -> list[str]:
        directory, name = os.path.split(pattern)
        if glob.has_magic(directory):
            return glob.glob(pattern)
        try:
            changed = os.stat(directory).st_mtime_ns
        except OSError:
            return []
        kept = self._found.get(pattern)
        if kept is None or kept[0] != changed:
            kept = self._found[pattern] = changed, glob.glob(pattern)
        return list(kept[1])

    def iglob(self, pattern: str) -> Iterator[str]:
        return iter(self.glob(pattern))

    def __getattr__(self, name: str) -> Any:
        return getattr(glob, name)


def kept_listings() -> AbstractContextManager[None]:
    """Have the loader list a directory again only when it has changed.

    Source: `plugins/loader.py`, 2.16 to 2.21, which looks for modules and for vars plugins by
    the functions of `glob`, without options, several times for each task.
    """
    loader: Any = ansible.plugins.loader
    if getattr(loader, "glob", None) is not glob:
        return nullcontext()
    return replaced(loader, glob=_Globs())


def kept_payloads() -> AbstractContextManager[None]:
    """Have a module that was built in this run kept in memory, with the literal of its archive.

    Source: `_CachedModule` in `executor/module_common.py`, 2.19 to 2.21: it reads what it wrote
    once, under a name that is the run's own, for each task that runs the module.
    """
    kind: Any = getattr(module_common, "_CachedModule", None)
    if not {"load", "__dataclass_fields__"} <= set(vars(kind or object)):
        return nullcontext()
    stock = kind.__dict__["load"]
    kept: dict[str, Any] = {}

    def load(path: str) -> Any:
        if path not in kept:
            module = stock.__get__(None, kind)(path)
            archive = _Archive(module.zip_data.decode())
            archive.literal = str.__repr__(archive)
            kept[path] = dataclasses.replace(module, zip_data=archive)
        return kept[path]

    return replaced(kind, load=load)


def no_facts_unlooked_at() -> AbstractContextManager[None]:
    """Have no facts at all pass without a look at what they could be.

    Source: `VariableManager.get_vars` in `vars/manager.py`, 2.16 to 2.21: each time it has the
    facts of a host cleaned, for which `clean_facts` goes through all connection plugins.
    """
    manager: Any = ansible.vars.manager
    stock = getattr(manager, "clean_facts", None)
    if stock is None:
        return nullcontext()

    def clean_facts(facts: Any) -> Any:
        return stock(facts) if facts or type(facts) is not dict else {}

    return replaced(manager, clean_facts=clean_facts)
