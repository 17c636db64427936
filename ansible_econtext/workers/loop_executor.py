"""Task executor of a task thread, which gives loops to a pipeline."""

import copy
import os
from collections.abc import Callable
from typing import Any

from ansible.executor.task_executor import TaskExecutor

from ansible_econtext.client import client, connection_pool, endpoint
from ansible_econtext.core import loop_items
from ansible_econtext.core.versions import ansible_version
from ansible_econtext.pipeline import eligibility
from ansible_econtext.pipeline.loop_pipeline import LoopPipeline


class LoopExecutor(TaskExecutor):  # type: ignore[misc]
    """Executor that runs the stock loop with items' outcomes from a pipeline.

    The pipeline's threads run the items by copies of it.  Source: `TaskExecutor._run_loop` and
    `_execute` in `executor/task_executor.py`, 2.19 to 2.21.
    """

    _connection: Any
    #: The pipeline of the present loop; None if its items run one by one.
    _econtext_pipeline: LoopPipeline | None = None
    #: The number of the next item.
    _econtext_number = 0

    def _run_loop(self, items: list[Any]) -> Any:
        context = loop_items.context() if ansible_version >= (2, 21) else None
        variables = self._job_vars if context is None else context.task_vars
        if not eligibility.may_run_ahead(self._task, variables, items):
            return super()._run_loop(items)
        task, play_context = self._task, self._play_context
        copies: list[LoopExecutor] = []
        left: dict[str, Any] = {}  # the variables after the scout

        def runner() -> Callable[[int], Any]:
            made = _copy_of(self)
            copies.append(made)
            if not left:
                left.update(variables)
            if context is not None:
                return loop_items.ItemOf221(made, task, play_context, items, left, context).run
            return loop_items.ItemOf219(made, task, play_context, items, left).run

        def connect() -> client.Client:
            return connection_pool.borrow(endpoint.of_run(), os.getpid())

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
        pipeline, stock = self._econtext_pipeline, super()._execute
        if pipeline is None:
            return stock(*args, **kwargs)
        number = self._econtext_number
        self._econtext_number += 1
        outcome = pipeline.run(number, lambda: stock(*args, **kwargs))
        if not isinstance(outcome, loop_items.Outcome):
            return outcome
        # The task has the fields of the item that was run last, as in stock Ansible.
        self._task.__dict__.update(outcome.task.__dict__)
        if ansible_version >= (2, 21):
            loop_items.record(outcome.result)
        return outcome.result


def _copy_of(executor: LoopExecutor) -> LoopExecutor:
    """Return an executor for a thread of the pipeline, which makes its own connection."""
    made: LoopExecutor = copy.copy(executor)
    made._connection = None
    made._econtext_pipeline = None
    return made
