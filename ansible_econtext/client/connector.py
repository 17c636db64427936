"""Connector of workers to the broker, which is started if there is none."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from typing import IO

from ansible_econtext.client import client, launcher, messages, rendezvous
from ansible_econtext.client.launcher import Endpoint
from ansible_econtext.core import fork_gate


def connect(endpoint: Endpoint, run: int) -> client.Client:
    """Return a connection to an endpoint's broker, which is started if need be.

    `run` is the process number of ansible-playbook: the broker serves it until it ends.
    Raises BrokerGone, and BrokerSilent if the broker does not answer.  For any thread and any
    worker.
    """
    try:
        return _connect(endpoint, run)
    except OSError as error:
        raise client.BrokerGone(
            f"the broker cannot be started on the controller: {error} (it needs {sys.executable}, "
            "and room in a directory that this account can write: the settings `home` and "
            "`local_tmp` of Ansible say where)"
        ) from error


def _connect(endpoint: Endpoint, run: int) -> client.Client:
    for start_it in (False, True, False):
        found = _registered(endpoint.directory, run)
        if found is not None:
            return found
        # A starting broker holds the lock until it listens; a fork would hold a copy of it.
        with fork_gate.keeping_turn(), _locked(endpoint.directory) as lock:
            found = _registered(endpoint.directory, run)
            if found is not None:
                return found
            if start_it:
                launcher.start(endpoint, run, lock)
    raise client.BrokerGone(f"the broker did not start: {launcher.log_of(endpoint.directory)}")


def start(endpoint: Endpoint, run: int) -> None:
    """Start a broker if none listens, without waiting until it does; raises BrokerSilent."""
    with _locked(endpoint.directory) as lock:
        found = _registered(endpoint.directory, run)
        if found is None:
            launcher.start(endpoint, run, lock)
        else:
            found.close()


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[IO[bytes]]:
    """Hold a directory's lock; raises BrokerSilent if a broker takes too long for its start."""
    try:
        with rendezvous.locked(directory, client.ANSWER) as lock:
            yield lock
    except rendezvous.LockHeld:
        raise client.BrokerSilent(directory) from None


def _registered(directory: str, run: int) -> client.Client | None:
    """Return a connection to a broker that serves the run until it ends; or None.

    Raises BrokerSilent.
    """
    found = connect_if_running(directory)
    if found is not None:
        try:
            found.ask(messages.Register(run))
        except client.BrokerSilent:
            raise
        except client.BrokerGone:
            return None  # it was about to end
    return found


def connect_if_running(directory: str) -> client.Client | None:
    """Return a connection to a directory's broker; None if none listens.

    Raises BrokerSilent if the broker takes no connection, as many others wait for it.
    """
    try:
        return _connected(directory)
    except BlockingIOError:
        raise client.BrokerSilent(directory) from None
    except OSError:
        return None


def _connected(directory: str) -> client.Client:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.limit_waits(connection, client.ANSWER)
        with rendezvous.address(directory) as path:
            connection.connect(path)
        rendezvous.check_peer(connection)
        return client.Client(connection, directory)
    except BaseException:
        connection.close()
        raise
