"""Fork of a task thread, made what ansible-core's worker process is.

Source: `WorkerProcess` in `executor/process/worker.py`, 2.19 to 2.21.
"""

import copy
import functools
import io
import multiprocessing.process
import multiprocessing.util
import os
import signal
import sys
import textwrap
import threading
import traceback
import types
from typing import Any, NoReturn

from ansible.executor.process import worker
from ansible.utils.display import Display
from ansible.utils.multiprocessing import context as multiprocessing_context

from ansible_econtext.core import fork_gate

display = Display()

#: Held by the one thread that loads a plugin.
LOADING = threading.RLock()


def own_loader(loader: Any) -> Any:
    """Return a copy of a DataLoader for a task thread, with its own temporary files.

    Source: `WorkerProcess.__init__` in `executor/process/worker.py`, 2.19 to 2.21, which has
    each worker forget the files of the main process's loader.
    """
    made = copy.copy(loader)
    made._tempfiles = set()
    made._FILE_CACHE = dict(loader._FILE_CACHE)  # what a worker reads, the next one reads again
    return made


def fork() -> int:
    """Fork in a task thread, while no other thread is at work, prints or loads."""
    gate = fork_gate.current()
    assert gate is not None
    with gate.alone(), LOADING, display._lock:
        return os.fork()


class HeldInterrupt:
    """Interrupt (SIGINT) that is held back while the main thread forks, and comes then.

    Python calls functions around a fork, some of `logging` among them, and drops what the handler
    of a signal raises in them: stock Ansible loses such an interrupt.  A context manager, which
    raises what the handler raises; the forked process calls `restore`.
    """

    def __init__(self) -> None:
        self._usual = signal.getsignal(signal.SIGINT)
        self._frames: list[types.FrameType | None] = []

    def __enter__(self) -> None:
        if callable(self._usual) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._hold)

    def __exit__(self, *exc_info: object) -> None:
        self.restore()
        if self._frames and callable(self._usual):
            self._usual(signal.SIGINT, self._frames.pop())

    def _hold(self, number: int, frame: types.FrameType | None) -> None:
        self._frames.append(frame)

    def restore(self) -> None:
        """Restore the handler."""
        if signal.getsignal(signal.SIGINT) == self._hold:
            signal.signal(signal.SIGINT, self._usual)


def answers() -> Any:
    """Return a queue for the answers to prompts of a process that is about to be forked."""
    return worker.WorkerQueue(ctx=multiprocessing_context)


def begin(arguments: dict[str, Any], worker_queue: Any) -> None:
    """Make the present process, which a task thread forked, what a worker process is.

    `arguments` are those of WorkerProcess, and `worker_queue` has the answers to prompts.
    """
    # `Display.set_queue` refuses, as `multiprocessing` knows nothing of this process.
    display._final_q = arguments["final_q"]
    stand_in = types.SimpleNamespace(
        pid=os.getpid(),
        _task_vars=arguments["task_vars"],
        worker_id=arguments["worker_id"],
        worker_queue=worker_queue,
    )
    vars(multiprocessing.process)["_children"].clear()  # which are the main process's
    worker.current_worker = stand_in  # which `Display.prompt_until` asks
    worker.WorkerProcess._detach(stand_in)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, functools.partial(worker.WorkerProcess._term, stand_in))


def warn_of_output(arguments: dict[str, Any]) -> None:
    """Warn of a plugin's output past Display, in the words of `WorkerProcess._run`.

    Does nothing in a task thread, whose streams are those of ansible-playbook.
    """
    if fork_gate.current() is not None:
        return
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        data = stream.getvalue() if isinstance(stream, io.StringIO) else ""
        if data:
            display.warning(
                f"WorkerProcess for [{arguments['host']}/{arguments['task']}] errantly sent data "
                f"directly to {name} instead of using Display:\n"
                f"{textwrap.indent(data[:256], '    ')}\n",
                formatted=True,
            )


def end() -> NoReturn:
    """End the present process, which a task thread forked, when its result is sent.

    As a process of `multiprocessing` does, it waits for what plugins have started, and ends their
    daemons.
    """
    vars(multiprocessing.util)["_exit_function"]()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    os._exit(0)


def fail() -> NoReturn:
    """End the present process upon an error that no code of the task caught."""
    # It prints the error since 2.20, and notes it for ANSIBLE_DEBUG before.
    worker.WorkerProcess._hard_exit(None, traceback.format_exc())
    os._exit(1)  # for mypy: the line above has ended the process
