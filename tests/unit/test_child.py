"""A child of a slave, as the slave sees it: what comes too early, and what it leaves."""

import os
import signal

import pytest

from econtext.target import child
from econtext.target.loop import Loop
from tests.process.waiting import run_until


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


def test_a_child_that_closed_its_outputs_is_looked_at_by_one_timer(loop):
    """Each end of another child leads to a look."""
    command = child.Command(loop, ["/bin/sh", "-c", "exec >/dev/null 2>&1; exec sleep 1000"])
    command.on_exit = lambda status: None
    command.start_reading()
    try:
        run_until(loop, lambda: not command._outputs)
        before = len(loop._timers)
        for _ in range(10):
            command.reap()
        assert len(loop._timers) <= before + 1
    finally:
        command.signal(signal.SIGKILL)
        os.waitpid(command.pid, 0)


def test_output_that_nobody_takes_yet_is_dropped(loop):
    """A spare that is killed may say so before its call has come."""
    command = child.Command(loop, ["echo", "early"])
    ended = []
    command.on_exit = ended.append
    command.start_reading()
    run_until(loop, lambda: ended)
    assert ended == [0]


def test_a_number_of_a_process_that_is_gone_is_not_signalled(loop, monkeypatch):
    """A flood of frames that it left takes minutes; one that breaks a rule has it killed then."""
    command = child.Command(loop, ["true"])
    ended, signalled = [], []
    command.on_exit = ended.append
    command.start_reading()
    run_until(loop, lambda: ended)
    for name in ("kill", "killpg"):
        monkeypatch.setattr(os, name, lambda *arguments: signalled.append(arguments))
    command.kill()
    assert not signalled
