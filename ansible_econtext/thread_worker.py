"""A worker that is a thread of Ansible's main process, for tasks that need no fork.

Forking the main process and tearing the copy down costs more than most tasks
(``docs/design.rst`` has the figures).  A task that is known to keep to itself
runs in a thread instead, on copies of the task and of its variables; every other
one is forked as stock Ansible does.  ``ANSIBLE_ECONTEXT_THREADS=0`` forks them all.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import ansible.plugins.strategy
from ansible.plugins.loader import action_loader
from ansible.utils.display import Display

from ansible_econtext import become
from ansible_econtext.seams import runs

display = Display()

#: Action plugins that keep to themselves: they compute, run modules and copy files.
_ACTIONS = frozenset(
    "add_host assemble assert async_status command copy debug fail fetch group_by include_vars "
    "normal package service set_fact set_stats shell template unarchive".split()
)

_CONNECTIONS = frozenset(
    prefix + name
    for prefix in ("", "ansible.builtin.", "ansible.legacy.")
    for name in ("ssh", "smart", "local")
)

#: Loops by lookups of ansible-core that touch nothing outside of their arguments.
_LOOPS = frozenset([None, "items", "list", "dict", "indexed_items", "nested", "together"])


class ThreadWorker(threading.Thread):
    """Stands where a strategy has a WorkerProcess, and has what strategies use of one."""

    #: No process that signals are to be passed on to.
    pid = None

    def __init__(self, arguments: dict[str, Any]) -> None:
        super().__init__(name=f"task on {arguments['host'].name}", daemon=True)
        self._arguments = arguments
        self._task = arguments["task"]
        self.worker_id = arguments["worker_id"]
        #: Ansible takes a worker that has one, other than 0, for dead.
        self.exitcode: int | None = None

    def run(self) -> None:
        task = self._arguments["task"].copy(exclude_tasks=True)
        variables = dict(self._arguments["task_vars"])
        try:
            runs.run_task({**self._arguments, "task": task, "task_vars": variables})
        except BaseException as error:
            display.error(f"econtext: internal error in a task's thread: {error!r}")
            self.exitcode = 1

    def terminate(self) -> None:
        """A thread cannot be ended; as a daemon it ends with the process."""

    close = kill = terminate


class Workers:
    """Makes a worker for each task: a thread where one will do, else a stock process."""

    def __init__(self, process: type) -> None:
        self._process = process
        self._threads: list[ThreadWorker] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if not args and needs_no_fork(kwargs):
            self._threads.append(ThreadWorker(kwargs))
            return self._threads[-1]
        for thread in self._threads:
            thread.join()  # a fork would take the locks that it holds, and nobody to free them
        return self._process(*args, **kwargs)


def needs_no_fork(arguments: dict[str, Any]) -> bool:
    """Whether a task keeps to itself: its action, its connection, its loop.

    `arguments` are those of WorkerProcess.
    """
    task, variables = arguments["task"], arguments["task_vars"]
    by_option = arguments["play_context"]
    if task.timeout or task.async_val or task.delegate_to or task.loop_with not in _LOOPS:
        return False
    if task.debugger or runs.action_plugin(task, action_loader) not in _ACTIONS:
        return False
    if variables.get("ansible_connection", task.connection) not in _CONNECTIONS:
        return False
    if "ansible_become" in variables or task.become or by_option.become:
        method = task.become_method or by_option.become_method
        return variables.get("ansible_become_method", method) in become.CARRIED
    return True


@contextlib.contextmanager
def threads_for_tasks() -> Iterator[None]:
    """Have strategies make their workers by `Workers`, for the time of a play."""
    if os.environ.get("ANSIBLE_ECONTEXT_THREADS") == "0" or not runs.can_run_tasks():
        yield
        return
    stock = ansible.plugins.strategy.WorkerProcess
    ansible.plugins.strategy.WorkerProcess = Workers(stock)
    try:
        with runs.loading_one_at_a_time():
            yield
    finally:
        ansible.plugins.strategy.WorkerProcess = stock
