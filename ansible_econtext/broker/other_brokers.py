"""Other brokers of the user, of which few wait for a run at a time.

Each run with another environment or working directory has a broker of its own, with its
connections and slaves, and each would wait for a minute.  So a broker that begins to wait tells
the others, and one that hears this of enough others ends: it waits for longest.
"""

import contextlib
import os
import socket

from ansible_econtext.client import messages, rendezvous
from econtext.target import wire

#: Brokers of a user that wait for a run at the most.
MOST = 3


def tell(directory: str) -> None:
    """Tell the other brokers of the user that the one in `directory` waits for a run.

    Does not wait for any of them.  One of another version may not know the message: its log says
    so.
    """
    home, name = os.path.split(directory)
    data = wire.frame(wire.OPEN, 0, messages.encode(messages.Waits(name)))
    try:
        others = [entry.path for entry in os.scandir(home) if entry.name != name]
    except OSError:
        return  # the home was removed
    for path in others:
        with contextlib.suppress(OSError):  # no broker, or it takes no connection now
            _send(path, data)


def _send(directory: str, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        with rendezvous.address(directory) as path:
            connection.connect(path)
        rendezvous.check_peer(connection)
        connection.send(data)
