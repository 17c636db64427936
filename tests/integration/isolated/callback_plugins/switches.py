"""A callback plugin that has threads of the process take turns as often as can be."""

from __future__ import annotations

import sys

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: switches
type: aggregate
short_description: Have threads take turns often
description:
  - What goes wrong between threads once in a thousand times is seen in a test.
author: econtext contributors
version_added: "0.1.0"
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "switches"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        sys.setswitchinterval(1e-6)
