"""The end of a run of ours: what is done at the exit of ansible-playbook."""

import contextlib
import gc

from ansible_econtext.client import client
from ansible_econtext.client.launcher import Endpoint
from ansible_econtext.core import run, versions


def finish(endpoint: Endpoint) -> None:
    """Have the broker tidy up, or end where it is not to stay; then see to a short exit.

    An interpreter at its end looks through all objects for cycles, several times, which takes
    80 ms for Ansible's.  It is done once, while the broker ends: what nobody refers to any
    more is collected as ever.  What is still in use is left to the end of the process.
    """
    gc.unfreeze()
    running = client.connect_if_running(endpoint.directory)
    if running is None:
        gc.collect()
    else:
        with contextlib.suppress(client.BrokerGone, OSError, KeyboardInterrupt):
            _end(running, endpoint)
        running.close()
    gc.freeze()
    with versions.stock_if_unknown():
        run.keep_output()


def _end(running: client.Client, endpoint: Endpoint) -> None:
    if endpoint.persist:
        running.leave()
        gc.collect()
        running.wait_until_left()
    else:
        running.end_broker()
        gc.collect()
        running.wait_for_end()
