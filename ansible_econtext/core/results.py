"""How results come from workers to a strategy, and how it waits for them."""

import collections
import contextlib
import dataclasses
import pickle
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import ansible.plugins.strategy
from ansible.executor.task_queue_manager import FinalQueue
from ansible.plugins.strategy import free

from ansible_econtext.core import values
from ansible_econtext.core.patch import replaced

Sleep = Callable[[float], None]


class _Results(collections.deque[Any]):
    """Rings when there is one more."""

    bell: threading.Event

    def append(self, result: Any) -> None:
        super().append(result)
        self.bell.set()


class _Requests(queue.Queue[Any]):
    """Rings when there is one more."""

    bell: threading.Event

    def put(self, *args: Any, **kwargs: Any) -> None:
        super().put(*args, **kwargs)
        self.bell.set()


class Clock:
    """The module `time`, but for how it sleeps."""

    def __init__(self, sleep: Sleep) -> None:
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@contextlib.contextmanager
def ringing(strategy: Any, bell: threading.Event, sleep: Sleep) -> Iterator[None]:
    """Have `bell` rung when there is something to do for a strategy, which is to `sleep` so.

    Source: `StrategyBase` in `plugins/strategy/__init__.py` and `StrategyModule` in `free.py`, 2.19
    to 2.21: while a strategy waits for workers, it looks at `_results` (from 2.21 on, at
    `_rpc_queue` too) again and again, and calls `time.sleep` between two looks.
    """
    if type(strategy._results) is not collections.deque:
        yield
        return
    strategy._results = _Results(strategy._results)
    strategy._results.bell = bell
    if type(getattr(strategy, "_rpc_queue", None)) is queue.Queue:
        strategy._rpc_queue = _Requests()
        strategy._rpc_queue.bell = bell
    with contextlib.ExitStack() as stack:
        for module in (ansible.plugins.strategy, free):
            if getattr(module, "time", None) is time:
                stack.enter_context(replaced(module, time=Clock(sleep)))
        yield


class ThreadQueue(FinalQueue):  # type: ignore[misc]
    """Stands where a worker has the queue to its strategy, for a worker in the same process.

    What stock Ansible sends through a pipe, to be read by a thread of the strategy, is handed to
    the strategy at once if it is a result.  It is copied all the same, as the sender goes on with
    the original.  Callbacks of items go through the pipe, and what is sent after them: so they are
    called in the thread in which stock Ansible calls them.

    Source: `FinalQueue` in `executor/task_queue_manager.py` and `results_thread_main` in
    `plugins/strategy/__init__.py`, 2.19 to 2.21.
    """

    def __init__(self, strategy: Any, stock: FinalQueue) -> None:
        self._strategy = strategy
        self._stock = stock
        #: Whether nothing went through the pipe: what comes later is not to overtake it.
        self._is_first = True

    def leave(self) -> FinalQueue:
        """Return the queue of a task that goes on in another process, and use it from now on."""
        self._is_first = False
        return self._stock

    def put(self, sent: Any) -> None:
        convert = _converter(self._strategy, sent)
        if convert is None or not self._is_first:
            self._is_first = False
            self._stock.put(sent)
            return
        result = convert(_copied(sent))
        with self._strategy._results_lock:
            self._strategy._results.append(result)


def _copied(sent: Any) -> Any:
    """What would come out of a pipe if this was sent through it."""
    made: dict[int, Any] = {}
    content = {}
    try:
        for field in dataclasses.fields(sent):
            value = getattr(sent, field.name)
            is_whole = type(value).__name__ == "UnifiedTaskResult"  # from 2.21 on
            copy = _pickled(value) if is_whole else values.copied(value, made)
            content[field.name] = copy
    except (values.NotPlain, RecursionError):
        return _pickled(sent)
    return type(sent)(**content)


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def _converter(strategy: Any, sent: Any) -> Callable[[Any], Any] | None:
    """What makes a task's result of what is sent for one; None where that is something else."""
    if type(sent).__name__ == "_WireTaskResult":  # 2.19 and 2.20
        return strategy._convert_wire_task_result_to_raw  # type: ignore[no-any-return]
    if type(sent).__name__ == "WireTaskResult":  # 2.21
        return strategy._convert_wire_task_result_to_host_task_result  # type: ignore[no-any-return]
    return None
