"""Cache of the modules that ansible-core built in this run."""

import dataclasses
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ansible.executor import module_common

from ansible_econtext.core.patch import replaced


class _Archive(str):
    """A payload's archive, whose literal is made once."""

    literal: str

    def __repr__(self) -> str:
        return self.literal


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
