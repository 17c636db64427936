"""Context that ansible-core 2.21 keeps for each task.

Source: `TaskContext` in `_internal/_task.py`.
"""

from typing import Any


def current() -> Any:
    """Return the context of the present thread's task."""
    from ansible._internal._task import TaskContext

    return TaskContext.current()


def record(result: Any) -> None:
    """Record a result as that of the present item, in the present thread's task."""
    current()._record_result(result)
