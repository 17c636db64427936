"""How ansible-core runs the items of a loop, and how they are run ahead of it.

`Executor` runs a loop as its stock class does, with the stock method; but what comes of an
item may have been made already, by a copy of the executor in another thread.
"""

import copy
import os
from collections.abc import Callable
from typing import Any

from ansible_econtext.client import client, endpoint
from ansible_econtext.core import loop_items, task_context
from ansible_econtext.core.versions import ansible_version
from ansible_econtext.pipeline import eligibility
from ansible_econtext.pipeline.loop_pipeline import LoopPipeline
from ansible_econtext.workers import connection_cache


class Executor(connection_cache.Executor):
    """Source: `TaskExecutor._run_loop` and `_execute` in `executor/task_executor.py`, 2.19 to
    2.21, and `TaskContext` in `_internal/_task.py`, 2.21."""

    #: What runs items ahead, while a loop runs for which it may be done.
    _econtext_pipeline: LoopPipeline | None = None
    #: The number of the item that is run next.
    _econtext_number = 0
    _econtext_run_process = 0

    def _run_loop(self, items: list[Any]) -> Any:
        variables = self._econtext_variables()
        if not eligibility.may_run_ahead(self._task, variables, items):
            return super()._run_loop(items)
        task, play_context = self._task, self._play_context
        copies: list[Executor] = []

        context = task_context.current() if ansible_version >= (2, 21) else None
        left: dict[str, Any] = {}  # what the last item of the stock way left there

        def runner() -> Callable[[int], Any]:
            made = _copy_of(self)
            copies.append(made)
            left.update({} if left else variables)
            if context is not None:
                return loop_items.ItemOf221(made, task, play_context, items, left, context).run
            return loop_items.ItemOf219(made, task, play_context, items, left).run

        def connect() -> client.Client:
            return client.borrow(endpoint.of_run(), self._econtext_run_process or os.getpid())

        self._econtext_pipeline = LoopPipeline(len(items), connect, runner)
        try:
            return super()._run_loop(items)
        finally:
            self._econtext_pipeline.close()
            self._econtext_pipeline = None
            for each in copies:
                if each._connection is not None:
                    each._connection.close()

    def _execute(self, *args: Any, **kwargs: Any) -> Any:
        loop = self._econtext_pipeline
        if loop is None:
            return self._econtext_execute(*args, **kwargs)
        number = self._econtext_number
        self._econtext_number += 1
        outcome = loop.run(number, lambda: self._econtext_execute(*args, **kwargs))
        if not isinstance(outcome, loop_items.Outcome):
            return outcome
        # The fields of the task as they came to be for this item.
        self._task.__dict__.update(outcome.task.__dict__)
        if ansible_version >= (2, 21):
            task_context.record(outcome.result)
        return outcome.result


def _copy_of(executor: Executor) -> Executor:
    """An executor for other items, with a connection of its own."""
    made: Executor = copy.copy(executor)
    made._connection = None
    made._econtext_pipeline = None
    return made
