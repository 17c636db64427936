"""The context that ansible-core keeps for each task: 2.21.

Source: `TaskContext` in `_internal/_task.py`.
"""

from typing import Any


def current() -> Any:
    """Return the context of the task that the present thread is at."""
    from ansible._internal._task import TaskContext

    return TaskContext.current()


def record(result: Any) -> None:
    """Have the context of the present thread's task take a result as that of the present item."""
    current()._record_result(result)
