"""An action that tells how often it was called in the life of its process."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

_calls: list[object] = []


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _calls.append(task_vars)
        result.update(changed=False, calls=len(_calls))
        return result
