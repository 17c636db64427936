"""Runs of single items of a loop, apart from the loop: 2.19 to 2.21.

Source: `TaskExecutor._run_loop` in `executor/task_executor.py`, and `TaskContext` in
`_internal/_task.py`, 2.21.
"""

import copy
from collections.abc import Mapping
from typing import Any


def context() -> Any:
    """Return the context that ansible-core 2.21 has for the present thread's task."""
    from ansible._internal._task import TaskContext

    return TaskContext.current()


def record(result: Any) -> None:
    """Record a result as that of the present item, in the present thread's task: 2.21."""
    context()._record_result(result)


class Outcome:
    """Result of an item, and the task as the item left it."""

    def __init__(self, result: Any, task: Any) -> None:
        self.result = result
        self.task = task


class ItemOf219:
    """Runner of items by its executor, for one thread: ansible-core 2.19 and 2.20."""

    def __init__(
        self,
        executor: Any,
        task: Any,
        play_context: Any,
        items: list[Any],
        variables: Mapping[str, Any],
    ) -> None:
        self._executor = executor
        self._task = task
        self._play_context = play_context
        self._items = items
        self._variables = variables

    def run(self, number: int) -> Outcome:
        """Run an item on a copy of the task; raises the executor's errors."""
        task = self._task.copy(exclude_parent=True, exclude_tasks=True)
        task._parent = self._task._parent
        self._executor._play_context = self._play_context.copy()
        return Outcome(self._execute(task, number), task)

    def _execute(self, task: Any, number: int) -> Any:
        from ansible._internal._task import TaskContext
        from ansible._internal._templating._engine import TemplateEngine

        self._executor._task = task
        variables = {**self._variables, **self._loop_variables(number)}
        templar = TemplateEngine(loader=self._executor._loader, variables=variables)
        with TaskContext(self._task):
            return self._executor._execute(templar=templar, variables=variables)

    def _loop_variables(self, number: int) -> dict[str, Any]:
        control = self._task.loop_control
        made = {"ansible_loop_var": control.loop_var, control.loop_var: self._items[number]}
        if control.index_var:
            made |= {"ansible_index_var": control.index_var, control.index_var: number}
        return made


class ItemOf221(ItemOf219):
    """Runner of items for ansible-core 2.21, whose contexts hold a loop's state."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args[:-1])
        self._context = args[-1]

    def _execute(self, task: Any, number: int) -> Any:
        context = copy.copy(self._context)
        context._task = task
        context._base_task_vars = dict(self._context._base_task_vars)
        context._active_task_vars = {**context._base_task_vars, **self._loop_variables(number)}
        context._templar = None
        context._item = self._items[number]
        context._item_index = number
        context._raw_loop_results = [None] * number
        context._populate_item_label = lambda result: None  # `_execute` records it once more
        with context:
            return self._executor._execute()
