"""Results on their way from workers to a strategy, and the bell that wakes it."""

import collections
import contextlib
import pickle
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import ansible.plugins.strategy
from ansible.executor.task_queue_manager import FinalQueue
from ansible.plugins.strategy import free

from ansible_econtext.core.patch import replaced

Sleep = Callable[[float], None]


class _Results(collections.deque[Any]):
    """Results of a strategy; rings the bell for each that is added."""

    bell: threading.Event

    def append(self, result: Any) -> None:
        super().append(result)
        self.bell.set()


class _Requests(queue.Queue[Any]):
    """Requests to a strategy (2.21); rings the bell for each that is added."""

    bell: threading.Event

    def put(self, *args: Any, **kwargs: Any) -> None:
        super().put(*args, **kwargs)
        self.bell.set()


class Clock:
    """Stand-in for the module `time` with another `sleep`."""

    def __init__(self, sleep: Sleep) -> None:
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@contextlib.contextmanager
def ringing(strategy: Any, bell: threading.Event, sleep: Sleep) -> Iterator[None]:
    """Set `bell` for each result of a strategy, and have it sleep by `sleep`.

    Does nothing if the strategy keeps its results in another way.  Source: `StrategyBase` in
    `plugins/strategy/__init__.py` and `StrategyModule` in `free.py`, 2.19 to 2.21.  A strategy that
    waits for workers looks at `_results` (in 2.21 at `_rpc_queue`, too) again and again, and calls
    `time.sleep` between two looks.
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
    """Queue from a task thread to its strategy.

    A result is copied, as the thread goes on with the original, and given to the strategy at once.
    Stock Ansible sends it through a pipe, which a thread of the strategy reads.  Callbacks of a
    loop's items, and all that follows them, still go through the pipe: so they are called in the
    thread in which stock Ansible calls them.

    Source: `FinalQueue` in `executor/task_queue_manager.py` and `results_thread_main` in
    `plugins/strategy/__init__.py`, 2.19 to 2.21.
    """

    def __init__(self, strategy: Any, stock: FinalQueue) -> None:
        self._strategy = strategy
        self._stock = stock
        #: Whether nothing went through the pipe, which a later result must not overtake.
        self._is_first = True

    def leave(self) -> FinalQueue:
        """Return the stock queue, for a task that moved; use it for all that comes."""
        self._is_first = False
        return self._stock

    def put(self, sent: Any) -> None:
        """Give a result to the strategy, or send it through the pipe; in the task thread."""
        convert = _converter(self._strategy, sent)
        if convert is None or not self._is_first:
            self._is_first = False
            self._stock.put(sent)
            return
        result = convert(_copied(sent))
        with self._strategy._results_lock:
            self._strategy._results.append(result)


def _copied(sent: Any) -> Any:
    """Return a copy as a pipe would make it; raises what pickle raises."""
    return pickle.loads(pickle.dumps(sent))


def _converter(strategy: Any, sent: Any) -> Callable[[Any], Any] | None:
    """Return the strategy's function that converts a result; None for all else."""
    if type(sent).__name__ == "_WireTaskResult":  # 2.19 and 2.20
        return strategy._convert_wire_task_result_to_raw  # type: ignore[no-any-return]
    if type(sent).__name__ == "WireTaskResult":  # 2.21
        return strategy._convert_wire_task_result_to_host_task_result  # type: ignore[no-any-return]
    return None
