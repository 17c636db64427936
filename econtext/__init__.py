"""Persistent in-memory Python slaves: call functions on other hosts and as other users.

>>> import os, econtext
>>> with econtext.Router() as router:  # doctest: +SKIP
...     host = router.ssh("host.example")
...     host.sudo().call(os.getuid)
0
"""

from econtext.controller.context import Context
from econtext.controller.errors import (
    CallDied,
    CallError,
    ConnectionLost,
    EcontextError,
    LaunchError,
    PasswordError,
)
from econtext.controller.router import Router

__version__ = "0.1.0"

__all__ = [
    "CallDied",
    "CallError",
    "ConnectionLost",
    "Context",
    "EcontextError",
    "LaunchError",
    "PasswordError",
    "Router",
]
