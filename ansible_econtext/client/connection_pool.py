"""Pool of connections to the broker, for the tasks of one ansible-playbook."""

import os
import threading
import weakref

from ansible_econtext.client import client, connector
from ansible_econtext.client.launcher import Endpoint

#: Connections that no thread uses.
_idle: list[client.Client] = []

#: The thread that borrowed each connection in use.
_borrowed: "weakref.WeakKeyDictionary[client.Client, int]" = weakref.WeakKeyDictionary()


def borrow(endpoint: Endpoint, run: int) -> client.Client:
    """Return an idle connection, or a new one; raises client.BrokerGone."""
    connection = _quiet() or connector.connect(endpoint, run)
    _borrowed[connection] = threading.get_ident()
    return connection


def _quiet() -> client.Client | None:
    while True:
        try:
            connection = _idle.pop()
        except IndexError:  # none, or another thread was faster
            return None
        if connection.is_quiet():
            return connection
        connection.close()


def give_back(connection: client.Client) -> None:
    """Keep a connection for the next `borrow`; no request may be active on it."""
    if _borrowed.pop(connection, None) is not None:
        _idle.append(connection)
    else:
        connection.close()


def _keep_own_connections() -> None:
    """Close a fork's copies of connections, except those of the thread that forked.

    While a fork has one open, the broker does not see that its owner closed it.
    """
    own = threading.get_ident()
    others = [each for each, thread in list(_borrowed.items()) if thread != own]
    for connection in [*_idle, *others]:
        connection.close()
    _idle.clear()


os.register_at_fork(after_in_child=_keep_own_connections)
