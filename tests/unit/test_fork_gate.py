"""Who may be at work when ansible-playbook forks."""

import os
import threading

import pytest

from ansible_econtext.core import fork_gate
from ansible_econtext.core.fork_gate import ForkGate

LIMIT = 30


def start(target):
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


class Task:
    """A thread that computes, waits until it is told to go on, and computes again."""

    def __init__(self, gate, number=0, log=None):
        self.has_begun, self.waits, self.may_go_on = (threading.Event() for _ in range(3))
        self._gate = gate
        self._number = number
        self._log = log if log is not None else []
        self.thread = start(self._run)

    def _run(self):
        with self._gate.computing():
            self.has_begun.set()
            with fork_gate.waiting():
                self.waits.set()
                self.may_go_on.wait(LIMIT)
            self._log.append(self._number)

    def end(self):
        self.may_go_on.set()
        self.thread.join(LIMIT)
        assert not self.thread.is_alive()


def test_a_fork_does_not_wait_for_a_task_that_waits():
    gate = ForkGate()
    with gate.open():
        tasks = [Task(gate) for _ in range(5)]
        for task in tasks:
            assert task.waits.wait(LIMIT)
        with gate.closed():
            assert all(task.thread.is_alive() for task in tasks)
        for task in tasks:
            task.end()


def test_no_task_computes_while_the_main_thread_forks():
    gate, log = ForkGate(), []
    with gate.open():
        task = Task(gate, "task", log)
        assert task.waits.wait(LIMIT)
        with gate.closed():
            task.may_go_on.set()
            late = Task(gate)
            late.may_go_on.set()
            assert not late.has_begun.wait(0.05)
            log.append("fork")
        late.thread.join(LIMIT)
        task.end()
    assert log == ["fork", "task"] and late.has_begun.is_set()


def test_the_main_thread_goes_before_those_that_wait_for_a_turn():
    gate, log = ForkGate(), []
    with gate.open():
        holds, may_end = threading.Event(), threading.Event()

        def hold():
            with gate.computing():
                holds.set()
                may_end.wait(LIMIT)

        holder = start(hold)
        assert holds.wait(LIMIT)
        others = [Task(gate, number, log) for number in range(10)]
        for each in others:
            each.may_go_on.set()
        ending = threading.Timer(0.05, may_end.set)
        ending.start()
        with gate.closed():
            log.append("fork")
        for each in others:
            each.end()
        holder.join(LIMIT)
        ending.join(LIMIT)
    assert log[0] == "fork" and len(log) == 11


def test_a_task_thread_forks_while_the_main_thread_sleeps_and_not_before():
    gate, log = ForkGate(), []

    def fork():
        with gate.computing(), gate.alone():
            log.append("fork")

    with gate.open():
        thread = start(fork)
        thread.join(0.05)
        log.append("awake")
        with gate.main_sleeps():
            thread.join(LIMIT)
        log.append("awake again")
    assert log == ["awake", "fork", "awake again"]


def test_tasks_compute_while_one_waits_to_fork():
    gate = ForkGate()
    with gate.open():
        wants = threading.Event()

        def fork():
            with gate.computing():
                wants.set()
                with gate.alone():
                    pass

        thread = start(fork)
        assert wants.wait(LIMIT)
        other = Task(gate)
        other.end()
        with gate.main_sleeps():
            thread.join(LIMIT)
        assert not thread.is_alive()


def test_nothing_forks_when_the_play_is_over():
    gate, errors = ForkGate(), []

    def fork():
        with gate.computing():
            try:
                with gate.alone():
                    pass
            except RuntimeError as error:
                errors.append(str(error))

    with gate.open():
        thread = start(fork)
        thread.join(0.05)
    thread.join(LIMIT)
    assert errors == ["the play is over"]


def test_what_keeps_its_turn_gives_it_to_nobody():
    gate = ForkGate()
    inside, may_end = threading.Event(), threading.Event()

    def keep():
        with gate.computing(), fork_gate.keeping_turn(), fork_gate.waiting():
            inside.set()
            may_end.wait(LIMIT)

    thread = start(keep)
    assert inside.wait(LIMIT)
    other = Task(gate)
    assert not other.has_begun.wait(0.05)
    may_end.set()
    other.end()
    thread.join(LIMIT)


def test_other_threads_are_no_task_threads():
    assert fork_gate.current() is None
    with fork_gate.waiting(), fork_gate.keeping_turn():
        fork_gate.move("no reason")
    assert not fork_gate.has_moved()


def test_an_item_that_is_run_ahead_does_not_move():
    with ForkGate().computing(), pytest.raises(RuntimeError, match="a lookup"):
        fork_gate.move("a lookup")


def test_what_is_alone_may_fork():
    gate, log = ForkGate(), []

    def fork():
        with gate.computing(), gate.alone(), gate.alone():
            log.append("fork")

    with gate.open():
        thread = start(fork)
        with gate.main_sleeps():
            thread.join(LIMIT)
    assert log == ["fork"]


def test_a_fork_touches_nothing_that_the_main_thread_waits_for():
    """Its copy of the event may be locked: by the main thread, which it has not."""
    gate = ForkGate()
    ended = []

    def fork():
        with gate.computing():
            with gate.alone():
                gate._was_alone._cond.acquire()  # as by the main thread, just before it waits
                process = os.fork()
                if process:
                    gate._was_alone._cond.release()
            if not process:
                os._exit(7)
            ended.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))

    with gate.open():
        thread = start(fork)
        with gate.main_sleeps():
            thread.join(LIMIT)
    assert ended == [7]
