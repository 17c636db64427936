"""The main thread of a play forks worker processes."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from ansible_econtext.workers.thread_worker import Workers


class Forked:
    """In place of WorkerProcess: a signal comes in the middle of the fork.

    The process that is forked ends with 1 if it does not have the usual handler.
    """

    pid = 0
    #: When the signal comes: Python drops what a handler raises in a function for forks.
    is_about_to_fork = False

    def start(self) -> None:
        Forked.is_about_to_fork = True
        self.pid = os.fork()
        if self.pid == 0:
            self.run()

    def run(self) -> None:
        os._exit(getattr(signal.getsignal(signal.SIGINT), "__name__", "") != "handle")


def interrupt() -> None:
    if Forked.is_about_to_fork:
        Forked.is_about_to_fork = False
        signal.raise_signal(signal.SIGINT)


os.register_at_fork(before=interrupt)


def test_an_interrupt_in_the_middle_of_a_fork_is_not_lost() -> None:
    signals = []

    def handle(number: int, frame: Any) -> None:
        signals.append(number)
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGINT, handle)
    try:
        worker = Workers(None, Forked)._process()
        with pytest.raises(KeyboardInterrupt):
            worker.start()
        assert signal.getsignal(signal.SIGINT) == handle
    finally:
        signal.signal(signal.SIGINT, usual)
    assert signals == [signal.SIGINT]
    assert worker.pid, "the interrupt came before the fork"
    _, status = os.waitpid(worker.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "the fork has another handler"


def test_an_ignored_interrupt_stays_ignored() -> None:
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = Workers(None, Forked)._process()
        worker.start()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)
    os.waitpid(worker.pid, 0)
