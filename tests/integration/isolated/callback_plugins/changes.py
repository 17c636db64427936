"""A callback plugin that changes each host's task as it starts."""

from __future__ import annotations

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: changes
type: aggregate
short_description: Change a task's message as the task starts on a host
description:
  - What is changed for one host is there for its task, and for those of hosts that start later.
author: econtext contributors
version_added: "0.1.0"
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "changes"

    def v2_runner_on_start(self, host, task):
        task.args["msg"] = f"changed for {host.name}"
