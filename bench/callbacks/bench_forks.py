"""A callback plugin that notes for how long each fork of ansible-playbook had to wait.

It stands around `closed` and `alone` of econtext's gate between threads and forks.  The time
in which another fork was made is left out: forks wait for each other under stock Ansible, too.
"""

import contextlib
import json
import os
import time

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "bench_forks"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        from ansible_econtext.core.fork_gate import ForkGate

        self.waits = {"closed": [], "alone": []}
        self.forked = 0.0
        for name in self.waits:
            setattr(ForkGate, name, self.timed(getattr(ForkGate, name), self.waits[name]))

    def timed(self, stock, waits):
        @contextlib.contextmanager
        def waiting(gate):
            began, forked = time.monotonic(), self.forked
            with stock(gate):
                begins = time.monotonic()
                waits.append(max(0.0, begins - began - (self.forked - forked)))
                yield
                self.forked += time.monotonic() - begins

        return waiting

    def v2_playbook_on_stats(self, stats):
        with open(os.environ["BENCH_FORKS"], "w") as file:
            json.dump(self.waits, file)
