"""Cache of the modules that ansible-core built in this play."""

import dataclasses
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ansible.executor import module_common

from ansible_econtext.core.patch import replaced


class _Archive(str):
    """Archive of a payload, whose repr() is made once."""

    literal: str

    def __repr__(self) -> str:
        return self.literal


def kept_payloads() -> AbstractContextManager[None]:
    """Keep built modules in memory for the time of a play, with their archives' literals.

    Source: `_CachedModule` in `executor/module_common.py`, 2.19 to 2.21.  It reads a file of the
    run, which is written once, for each task that runs the module.
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
