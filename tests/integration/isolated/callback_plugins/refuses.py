"""A callback plugin that fails when it is told of an item of the task `refused`."""

from __future__ import annotations

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: refuses
type: notification
short_description: Fail when told of some items
description:
  - Those of the task C(refused).
author: econtext contributors
version_added: "0.1.0"
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "refuses"

    def v2_runner_item_on_ok(self, result):
        if result.task_name == "refused":
            raise ValueError("told of an item")
