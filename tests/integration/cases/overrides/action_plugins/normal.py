import multiprocessing

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = self._execute_module(task_vars=task_vars)
        # What it does to its process is nobody else's business.
        return dict(result, by="ours", alone=multiprocessing.parent_process() is not None)
