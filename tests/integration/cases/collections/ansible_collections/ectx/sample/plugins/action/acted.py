from __future__ import annotations

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        return self._execute_module("ectx.sample.greet", {"name": "acted"}, task_vars=task_vars)
