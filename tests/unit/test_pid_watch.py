"""The broker sees the end of a run, by each means."""

import os

import pytest

from ansible_econtext.broker import pid_watch
from econtext.target.loop import Loop
from tests.process.waiting import run_until


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


@pytest.mark.parametrize("error", [ProcessLookupError, PermissionError])
def test_a_number_that_is_another_accounts_is_an_end(loop, monkeypatch, error):
    """Without pidfd the number is looked at, which another account's process may have by now."""
    looks = []

    def kill(process, number):
        looks.append(process)
        if len(looks) > 1:
            raise error

    monkeypatch.delattr(os, "pidfd_open")
    monkeypatch.setattr(pid_watch, "_LOOK", 0)
    monkeypatch.setattr(os, "kill", kill)
    ended = []
    pid_watch.when_ended(loop, 1234, lambda: ended.append(1234))
    assert not ended
    run_until(loop, lambda: ended)
