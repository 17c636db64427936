"""A strategy is woken when a worker of the same process is done, and not before."""

import collections
import contextvars
import dataclasses
import threading
import time
import types

import pytest

pytest.importorskip("ansible.release")
import ansible.plugins.strategy  # noqa: E402

from ansible_econtext import thread_worker  # noqa: E402
from ansible_econtext.seams import results  # noqa: E402


@dataclasses.dataclass
class _WireTaskResult:  # of this name: what ansible-core 2.19 sends
    value: object


class Strategy:
    """As much of one as matters here."""

    def __init__(self):
        self._results = collections.deque()
        self._results_lock = threading.Lock()

    def _convert_wire_task_result_to_raw(self, sent):
        return ("converted", sent.value)


class Process:
    def __init__(self, alive):
        self.alive = alive

    def is_alive(self):
        if self.alive is None:
            raise ValueError("process object is closed")
        return self.alive


def test_a_result_rings_and_the_strategy_sleeps_by_the_bell():
    strategy, bell, slept = Strategy(), threading.Event(), []
    with results.ringing(strategy, bell, slept.append):
        ansible.plugins.strategy.time.sleep(0.25)
        assert ansible.plugins.strategy.time.monotonic is time.monotonic
        assert not bell.is_set()
        strategy._results.append("a result")
        assert bell.is_set()
    assert slept == [0.25]
    assert ansible.plugins.strategy.time is time


def test_a_strategy_of_another_kind_is_left_alone():
    strategy = Strategy()
    strategy._results = kept = []
    with results.ringing(strategy, threading.Event(), lambda seconds: None):
        assert strategy._results is kept
        assert ansible.plugins.strategy.time is time


def test_a_result_is_given_at_once_as_a_copy():
    strategy, value = Strategy(), ["changed later"]
    queue = results.ThreadQueue(strategy, types.SimpleNamespace())
    queue.put(_WireTaskResult(value))
    value.append("much later")
    assert list(strategy._results) == [("converted", ["changed later"])]


def test_a_result_waits_for_what_was_sent_before_it():
    strategy, sent = Strategy(), []
    queue = results.ThreadQueue(strategy, types.SimpleNamespace(put=sent.append))
    result = _WireTaskResult(1)
    queue.put("something else")
    queue.put(result)
    assert sent == ["something else", result]
    assert not strategy._results


@dataclasses.dataclass
class CallbackSend:  # of this name too
    method_name: str
    wire_task_result: _WireTaskResult


def test_a_callback_is_called_at_once_and_sees_nothing_of_the_task():
    strategy, value, called = Strategy(), ["changed later"], []
    of_task = contextvars.ContextVar("of_task", default=None)
    of_task.set("the task's own")

    def send_callback(name, result):
        called.append((name, result, of_task.get()))

    strategy._tqm = types.SimpleNamespace(send_callback=send_callback)
    queue = results.ThreadQueue(strategy, types.SimpleNamespace())
    queue.put(CallbackSend("v2_runner_item_on_ok", _WireTaskResult(value)))
    value.append("much later")
    queue.put(_WireTaskResult(value))
    assert called == [("v2_runner_item_on_ok", ("converted", ["changed later"]), None)]
    assert list(strategy._results) == [("converted", ["changed later", "much later"])]


@pytest.mark.parametrize(
    ("processes", "longest"),
    [((), 0.05), ((False, None), 0.05), ((False, True), 0.001)],
    ids=["none", "ended", "alive"],
)
def test_only_processes_are_looked_at_often(processes, longest, monkeypatch):
    workers, waited = thread_worker.Workers(Strategy(), Process), []
    workers._processes = [Process(alive) for alive in processes]
    monkeypatch.setattr(workers.bell, "wait", waited.append)
    workers.bell.set()
    workers.sleep(0.001)
    assert waited == [longest]
    assert not workers.bell.is_set()


def test_a_thread_that_is_done_is_free_and_says_so(monkeypatch):
    """Also one that failed: Ansible is to take it for dead."""
    monkeypatch.setattr(thread_worker, "display", types.SimpleNamespace(error=lambda text: None))
    ended = threading.Event()
    host = types.SimpleNamespace(name="a")
    arguments = {"host": host, "task": None, "worker_id": 0}
    worker = thread_worker.ThreadWorker(arguments, ended.set)
    worker.run()  # there is no task to copy
    assert worker.exitcode == 1
    assert ended.is_set() and not worker.is_alive()
