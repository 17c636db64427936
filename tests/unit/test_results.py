"""A strategy is woken when a worker of the same process is done, and not before."""

import collections
import dataclasses
import threading
import time
import types

import pytest

pytest.importorskip("ansible.release")
import ansible.plugins.strategy  # noqa: E402

from ansible_econtext.core import (
    fork_gate,  # noqa: E402
    results,  # noqa: E402
)
from ansible_econtext.workers import thread_worker  # noqa: E402


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


def test_a_callback_goes_through_the_pipe_and_the_result_after_it():
    strategy, sent = Strategy(), []
    queue = results.ThreadQueue(strategy, types.SimpleNamespace(put=sent.append))
    callback = CallbackSend("v2_runner_item_on_ok", _WireTaskResult(1))
    queue.put(callback)
    queue.put(_WireTaskResult(2))
    assert sent == [callback, _WireTaskResult(2)]
    assert not strategy._results


def test_a_result_goes_through_the_pipe_from_another_process():
    strategy, sent = Strategy(), []
    queue = results.ThreadQueue(strategy, types.SimpleNamespace(put=sent.append))
    assert queue.leave().put == sent.append
    queue.put(_WireTaskResult(2))
    assert sent == [_WireTaskResult(2)]


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
    with workers.open():
        workers.sleep(0.001)
    assert waited == [longest]
    assert not workers.bell.is_set()


def test_a_thread_that_is_done_is_free_and_says_so(monkeypatch):
    """Also one that failed: Ansible is to take it for dead."""
    monkeypatch.setattr(thread_worker, "display", types.SimpleNamespace(error=lambda text: None))
    ended = threading.Event()
    host = types.SimpleNamespace(name="a")
    arguments = {"host": host, "task": None, "worker_id": 0}
    worker = thread_worker.ThreadWorker(arguments, None, fork_gate.ForkGate(), ended.set)
    worker.run()  # there is no task to run
    assert worker.exitcode == 1
    assert ended.is_set() and not worker.is_alive()
