"""Exit of ansible-playbook: the broker tidies up, and the interpreter ends fast."""

import contextlib
import gc

from ansible_econtext.client import client, connector
from ansible_econtext.client.launcher import Endpoint
from ansible_econtext.core import run, versions


def finish(endpoint: Endpoint) -> None:
    """Ask the broker to tidy up, or to end with the run; then shorten the exit.

    Called in the main thread at the exit of the run.  It waits for the broker.
    """
    # An interpreter that ends looks through all objects for cycles several times: 80 ms with
    # Ansible's.  Here it looks once, while the broker is at work; what is in use is left to the
    # end of the process.
    gc.unfreeze()
    with contextlib.suppress(client.BrokerGone, OSError, KeyboardInterrupt):
        running = connector.connect_if_running(endpoint.directory)
        if running is None:
            gc.collect()
        else:
            with contextlib.closing(running):
                _end(running, endpoint)
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
