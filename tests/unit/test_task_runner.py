"""A task runs in a thread as it would in a worker process."""

from __future__ import annotations

import collections
import threading
import types
from typing import Any

import pytest

pytest.importorskip("ansible.release")
from ansible.executor.task_queue_manager import FinalQueue  # noqa: E402
from ansible.inventory.host import Host  # noqa: E402
from ansible.playbook.task import Task  # noqa: E402

from ansible_econtext.core import results, task_runner, versions  # noqa: E402
from tests.support.core import needs_2_19  # noqa: E402

pytestmark = needs_2_19


class Executor:
    """Executor of a task whose result holds what no pickle can be made of."""

    def __init__(self, *arguments: object) -> None:
        pass

    def run(self) -> Any:
        if versions.ansible_version < (2, 21):
            return {"lock": threading.Lock()}
        from ansible._internal._task import UnifiedTaskResult

        return UnifiedTaskResult(is_module=False, result_data={"lock": threading.Lock()})


def test_a_result_that_cannot_be_sent_fails_its_task() -> None:
    strategy = types.SimpleNamespace(
        _results=collections.deque(),
        _results_lock=threading.Lock(),
        _convert_wire_task_result_to_raw=lambda sent: sent,
        _convert_wire_task_result_to_host_task_result=lambda sent: sent,
    )
    queue = results.ThreadQueue(strategy, FinalQueue())
    names = "play_context loader shared_loader_obj variable_manager".split()
    arguments = {"task": Task(), "host": Host("one"), "final_q": queue, "task_vars": {}}
    task_runner.run_task(arguments | dict.fromkeys(names), Executor)
    (sent,) = strategy._results
    assert sent.host_name == "one"
    assert "Task result omitted due to queue send failure" in str(sent)
