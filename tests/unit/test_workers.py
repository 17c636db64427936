"""The main thread of a play forks worker processes."""

import os
import signal

import pytest

from ansible_econtext.workers.thread_worker import Workers


class Forked:
    """In place of WorkerProcess: a signal comes in the middle of the fork."""

    pid = 0

    def start(self):
        os.kill(os.getpid(), signal.SIGINT)
        self.pid = os.fork()
        if self.pid == 0:
            self.run()

    def run(self):
        os._exit(len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))


def test_an_interrupt_in_the_middle_of_a_fork_is_not_lost():
    signals = []

    def handle(number, frame):
        signals.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handle)
    worker = Workers(None, Forked)._process()
    try:
        with pytest.raises(KeyboardInterrupt):
            worker.start()
    finally:
        signal.signal(signal.SIGINT, before)
    assert signals == [signal.SIGINT]
    assert worker.pid, "the interrupt came before the fork"
    _, status = os.waitpid(worker.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "signals are blocked in the fork"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
