"""Worker that is a thread of ansible-playbook, in place of a fork of it.

A fork of the main process costs more than most tasks do: 16 ms of the 28 ms of a `ping`.  So a
task begins in a thread, on copies of what it may change.  Before it comes to a plugin that is not
known to be safe there, it moves: the thread forks, and the task goes on in the child.
``ANSIBLE_ECONTEXT_THREADS=0`` forks all tasks.
"""

import contextlib
import multiprocessing.util
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ansible.executor.task_executor
import ansible.plugins.strategy
from ansible.utils.display import Display

from ansible_econtext import settings
from ansible_econtext.core import (
    actions,
    fork_gate,
    plugin_use,
    results,
    task_runner,
    variable_state,
    versions,
    worker_process,
)
from ansible_econtext.core.patch import replaced
from ansible_econtext.pipeline import loop_pipeline
from ansible_econtext.workers import loop_executor

display = Display()

#: Action plugins that are safe in a thread: they compute, run modules and copy files.
_ACTIONS = frozenset(
    "add_host assemble assert async_status command copy debug fail fetch group_by include_vars "
    "normal package service set_fact set_stats shell template unarchive".split()
)

#: Seconds of the strategy's sleep if all workers are threads, which ring the bell.
_LONGEST_SLEEP = 0.05


class ThreadWorker(threading.Thread):
    """Task thread, with the interface of WorkerProcess that strategies use."""

    #: The process that the task moved to, to which signals are passed on.
    pid: int | None = None
    #: Where the strategy puts the answers to prompts of that process.
    worker_queue: Any = None

    def __init__(
        self,
        arguments: dict[str, Any],
        strategy: Any,
        gate: fork_gate.ForkGate,
        ended: Callable[[], None],
    ) -> None:
        """Take the arguments of WorkerProcess; the thread calls `ended` at its end."""
        super().__init__(name=f"task on {arguments['host'].name}", daemon=True)
        self._arguments = arguments
        self._strategy = strategy
        self._gate = gate
        self._ended = ended
        self._has_ended = False
        #: Whether the present process is the one that the task moved to.
        self._is_process = False
        self._task = arguments["task"]
        self.worker_id = arguments["worker_id"]
        #: A worker whose code is neither None nor 0 is dead for Ansible.
        self.exitcode: int | None = None

    def start(self) -> None:
        """Start the thread, on copies of what it may change, when the output so far is written.

        Source: `_queue_task` in `plugins/strategy/__init__.py`, 2.19 to 2.21, tells callbacks of
        the start before, which may change the task.  `Display.display` in `utils/display.py` leaves
        the flush to the fork of a worker process: `multiprocessing` flushes before it forks.
        """
        arguments = self._arguments
        loader = worker_process.own_loader(arguments["loader"])
        self._arguments = {
            **arguments,
            "task": arguments["task"].copy(exclude_tasks=True),
            **variable_state.of_now(arguments, loader),
            "loader": loader,
            "final_q": results.ThreadQueue(self._strategy, arguments["final_q"]),
        }
        vars(multiprocessing.util)["_flush_std_streams"]()
        super().start()

    def run(self) -> None:
        try:
            with self._gate.computing():
                self._run()
        finally:
            self._has_ended = True
            self._ended()

    def _run(self) -> None:
        fork_gate.move_by(self._move)
        try:
            task_runner.run_task(self._arguments, loop_executor.LoopExecutor)
            if self._is_process:
                worker_process.end()
        except BaseException as error:
            if self._is_process:
                worker_process.fail()
            if self.pid is None:
                display.error(f"econtext: internal error in a task's thread: {error!r}")
                self.exitcode = 1

    def _move(self, reason: str) -> None:
        """Move the task to a process of its own, in which this returns.

        The task thread waits for that process, and raises Moved.
        """
        host = self._arguments["host"].name
        display.vvv(f"econtext: a process for the task: {reason}", host=host)
        self.worker_queue = worker_process.answers()
        process = worker_process.fork()
        if process == 0:
            self._is_process = True
            fork_gate.leave()
            queue: results.ThreadQueue = self._arguments["final_q"]
            self._arguments["final_q"] = queue.leave()
            worker_process.begin(self._arguments, self.worker_queue)
            return
        self.pid = process
        fork_gate.note_move()
        self._gate.end_alone()  # what it read was left to the process, too
        with fork_gate.waiting():
            _, status = os.waitpid(process, 0)
        self.exitcode = os.waitstatus_to_exitcode(status)
        raise fork_gate.Moved

    def is_alive(self) -> bool:
        """Return whether the task still runs; the thread itself ends a moment later."""
        return super().is_alive() and not self._has_ended

    def terminate(self) -> None:
        """End the process that the task moved to; a thread ends with ansible-playbook."""
        if self.pid is not None and self.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def close(self) -> None:
        """Do nothing, as a thread has nothing to close."""


class Workers:
    """Maker of workers, threads or stock processes; for the main thread."""

    def __init__(self, strategy: Any, process: type) -> None:
        self._strategy = strategy
        self._gate = gate = fork_gate.ForkGate()
        self._processes: list[Any] = []
        #: Set when the strategy has something to do: a result came or a worker ended.
        self.bell = threading.Event()

        class GatedProcess(process):  # type: ignore[misc]
            """Worker process that is forked while no task thread computes."""

            def start(self) -> None:
                self._interrupt = worker_process.HeldInterrupt()
                with self._interrupt, gate.closed(), worker_process.LOADING:
                    super().start()

            def run(self) -> None:
                self._interrupt.restore()
                super().run()

        self._process = GatedProcess

    def open(self) -> contextlib.AbstractContextManager[None]:
        """Make the present thread the main thread of a play."""
        return self._gate.open()

    def __call__(self, **arguments: Any) -> Any:
        """Return a worker for a task; the arguments are those of WorkerProcess."""
        self._gate.pause()
        if needs_no_fork(arguments):
            return ThreadWorker(arguments, self._strategy, self._gate, self.bell.set)
        self._processes = [process for process in self._processes if _is_alive(process)]
        self._processes.append(self._process(**arguments))
        return self._processes[-1]

    def sleep(self, seconds: float) -> None:
        """Sleep until the bell rings: for a result, or for the end of a task thread."""
        if not any(map(_is_alive, self._processes)):
            seconds = max(seconds, _LONGEST_SLEEP)
        with self._gate.main_sleeps():
            self.bell.wait(seconds)
        self.bell.clear()


def _is_alive(process: Any) -> bool:
    try:
        return bool(process.is_alive())
    except ValueError:  # a strategy closes those that have ended
        return False


def needs_no_fork(arguments: dict[str, Any]) -> bool:
    """Return whether a task with these arguments of WorkerProcess may have a thread.

    The plugins of its templates and of its connection are checked when it comes to them.
    """
    task = arguments["task"]
    if task.timeout or task.async_val or task.debugger:
        return False
    return task_runner.has_known_templates() and actions.action_plugin(task) in _ACTIONS


@contextlib.contextmanager
def threads_for_tasks(strategy: Any, own_plugins: frozenset[str]) -> Iterator[None]:
    """Make a strategy's workers by `Workers`, for the time of a play.

    Does nothing if the setting is off or this ansible-core is not known.  `own_plugins` are the
    directories of econtext's own plugins.
    """
    if not settings.is_on("THREADS") or not versions.is_known_since((2, 19)):
        yield
        return
    workers = Workers(strategy, ansible.plugins.strategy.WorkerProcess)
    try:
        with (
            replaced(ansible.plugins.strategy, WorkerProcess=workers),
            replaced(ansible.executor.task_executor, time=results.Clock(fork_gate.sleep)),
            plugin_use.watched(own_plugins),
            variable_state.replaced_on_change(),
            results.ringing(strategy, workers.bell, workers.sleep),
            workers.open(),
        ):
            yield
    finally:
        loop_pipeline.stop()
