"""An action whose last step is an operation on a file."""

from __future__ import annotations

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        path = self._task.args["path"]
        if self._task.args["step"] == "transfer":
            self._transfer_file(self._task.args["source"], path)
        else:
            result["rc"] = self._remote_chmod([path], "u+x")["rc"]
        return result
