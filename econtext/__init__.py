"""Persistent in-memory Python slaves: function calls on other hosts and accounts.

>>> import os, econtext
>>> with econtext.Router() as router:  # doctest: +SKIP
...     host = router.ssh("host.example")
...     host.sudo().call(os.getuid)
0
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from econtext.controller.causes import Cause
    from econtext.controller.context import Context
    from econtext.controller.errors import (
        CallDied,
        CallError,
        ConnectionLost,
        EcontextError,
        LaunchError,
        PasswordError,
        Stage,
    )
    from econtext.controller.router import Router

__version__ = "0.1.0"

__all__ = [
    "CallDied",
    "CallError",
    "Cause",
    "ConnectionLost",
    "Context",
    "EcontextError",
    "LaunchError",
    "PasswordError",
    "Router",
    "Stage",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: not each user needs the router."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    part = {"Cause": "causes", "Context": "context", "Router": "router"}.get(name, "errors")
    return getattr(importlib.import_module(f"econtext.controller.{part}"), name)
