"""A worker that is a thread of Ansible's main process, for tasks that need no fork.

Forking the main process and tearing the copy down costs more than most tasks
(``docs/design.rst`` has the figures).  A task that is known to keep to itself
runs in a thread instead, on copies of the task and of its variables; every other
one is forked as stock Ansible does.  ``ANSIBLE_ECONTEXT_THREADS=0`` forks them all.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ansible.plugins.strategy
from ansible.utils.display import Display

from ansible_econtext import ahead, become, building
from ansible_econtext.seams import loops, reaching, results, runs
from ansible_econtext.seams.replaced import replaced

display = Display()

#: Action plugins that keep to themselves: they compute, run modules and copy files.
_ACTIONS = frozenset(
    "add_host assemble assert async_status command copy debug fail fetch group_by include_vars "
    "normal package service set_fact set_stats shell template unarchive".split()
)

#: Seconds between two looks at threads, which ring when there is something to see.
_LONGEST_SLEEP = 0.05

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

    def __init__(self, arguments: dict[str, Any], ended: Callable[[], None]) -> None:
        """`arguments` are those of WorkerProcess; `ended` is called at the end, however it ends."""
        super().__init__(name=f"task on {arguments['host'].name}", daemon=True)
        self._arguments = arguments
        self._ended = ended
        self._has_ended = False
        self._task = arguments["task"]
        self.worker_id = arguments["worker_id"]
        #: Ansible takes a worker that has one, other than 0, for dead.
        self.exitcode: int | None = None

    def run(self) -> None:
        with building.task_works():
            self._run()

    def _run(self) -> None:
        try:
            task = self._arguments["task"].copy(exclude_tasks=True)
            variables = dict(self._arguments["task_vars"])
            arguments = {**self._arguments, "task": task, "task_vars": variables}
            runs.run_task(arguments, loops.Executor)
        except BaseException as error:
            display.error(f"econtext: internal error in a task's thread: {error!r}")
            self.exitcode = 1
        finally:
            self._has_ended = True
            self._ended()

    def is_alive(self) -> bool:
        """Whether it has something to do; a thread takes a moment longer to be gone."""
        return super().is_alive() and not self._has_ended

    def terminate(self) -> None:
        """A thread cannot be ended; as a daemon it ends with the process."""

    close = kill = terminate


class Workers:
    """Makes a worker for each task: a thread where one will do, else a stock process."""

    def __init__(self, strategy: Any, process: type) -> None:
        self._strategy = strategy
        self._process = process
        self._threads: list[ThreadWorker] = []
        self._processes: list[Any] = []
        #: Rung when the strategy has something to do: a result, or a worker that is free.
        self.bell = threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._threads = [thread for thread in self._threads if threading.Thread.is_alive(thread)]
        if not args and needs_no_fork(kwargs):
            building.begins(kwargs["task"], is_process=False)
            return self._thread(kwargs)
        for thread in self._threads:
            thread.join()  # a fork would take the locks that it holds, and nobody to free them
        building.begins(kwargs.get("task"), is_process=True)
        self._processes = [process for process in self._processes if _is_alive(process)]
        self._processes.append(self._process(*args, **kwargs))
        return self._processes[-1]

    def _thread(self, arguments: dict[str, Any]) -> ThreadWorker:
        queue = results.ThreadQueue(self._strategy, arguments["final_q"])
        self._threads.append(ThreadWorker({**arguments, "final_q": queue}, self.bell.set))
        return self._threads[-1]

    def sleep(self, seconds: float) -> None:
        """Sleep until the bell rings: threads ring it whatever happens, processes by results."""
        if not any(map(_is_alive, self._processes)):
            seconds = max(seconds, _LONGEST_SLEEP)
        with building.main_sleeps():
            self.bell.wait(seconds)
        self.bell.clear()


def _is_alive(process: Any) -> bool:
    try:
        return bool(process.is_alive())
    except ValueError:  # a strategy closes those that have ended
        return False


def needs_no_fork(arguments: dict[str, Any]) -> bool:
    """Whether a task keeps to itself: its action, its connection, its loop.

    `arguments` are those of WorkerProcess.
    """
    task, variables = arguments["task"], arguments["task_vars"]
    by_option = arguments["play_context"]
    if task.timeout or task.async_val or task.delegate_to or task.loop_with not in _LOOPS:
        return False
    if task.debugger or runs.action_plugin(task) not in _ACTIONS:
        return False
    if variables.get("ansible_connection", task.connection) not in _CONNECTIONS:
        return False
    if "ansible_become" in variables or task.become or by_option.become:
        method = task.become_method or by_option.become_method
        return variables.get("ansible_become_method", method) in become.CARRIED
    return True


@contextlib.contextmanager
def threads_for_tasks(strategy: Any, iterator: Any) -> Iterator[None]:
    """Have strategies make their workers by `Workers`, for the time of a play."""
    if os.environ.get("ANSIBLE_ECONTEXT_THREADS") == "0" or not runs.can_run_tasks():
        yield
        return
    workers = Workers(strategy, ansible.plugins.strategy.WorkerProcess)
    reaching.Executor.econtext_ways = reaching.Ways()
    try:
        with (
            replaced(ansible.plugins.strategy, WorkerProcess=workers),
            runs.loading_one_at_a_time(),
            results.ringing(strategy, workers.bell, workers.sleep),
            building.ahead(iterator, workers.bell),
        ):
            yield
    finally:
        ahead.stop()
        reaching.Executor.econtext_ways = None
