"""A callback plugin that does nothing: its imports spare each worker the time for them."""

from __future__ import annotations

import asyncio  # noqa: F401
import multiprocessing  # noqa: F401
import sqlite3  # noqa: F401

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: loads
type: aggregate
short_description: Load modules that plugins will need
description:
  - Nothing else is done.
author: econtext contributors
version_added: "0.1.0"
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "loads"
