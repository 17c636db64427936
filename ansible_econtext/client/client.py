"""A worker's line to the broker, which is started where there is none.

Requests and replies are values in frames of the library's own wire, one reply to
each request.  It is a local socket: directory 0700, socket 0600, and each end
checks the other's user.
"""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

from ansible_econtext.client import launcher
from ansible_econtext.client.launcher import Endpoint
from ansible_econtext.core import fork_gate
from econtext.target import codec, wire

SOCKET = "broker.sock"

#: Bytes of one request or reply: a large module with its arguments, or its output.
LIMIT = 512 * 1024 * 1024

#: Bytes that may take a while to be sent.
_MUCH = 65536

#: Seconds after which a broker has ended in any case, and a little more.
_LONGEST_END = 8.0

#: Bytes that a path of a socket may have (`sockaddr_un`: 108 on Linux, 104 elsewhere).
_LONGEST_PATH = 100


class BrokerGone(Exception):
    """The broker ended, or could not be started; the text says what is known."""


class Client:
    """A connection to the broker.  Not for use by two threads."""

    def __init__(self, connection: socket.socket, directory: str) -> None:
        self._socket: socket.socket | None = connection
        self._directory = directory
        self._reader = wire.Reader(frozenset([wire.RESULT]), LIMIT)

    def tell(self, request: dict[str, Any], number: int = 0) -> None:
        """Send a request that has no reply, or whose reply `receive` gives under this number."""
        if self._socket is None:
            raise BrokerGone("the line to the broker is closed")
        try:
            data = wire.frame(wire.OPEN, number, codec.encode(request))
            with fork_gate.waiting() if len(data) > _MUCH else contextlib.nullcontext():
                self._socket.sendall(data)
        except OSError as error:
            self.close()
            raise BrokerGone(self._why()) from error
        except BaseException:
            self.close()
            raise

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its reply.

        When the wait is ended by an exception, as Ansible's own timeout does,
        the line is closed; by that the broker knows to end the work.
        """
        self.tell(request)
        return self.receive()[0][1]

    def receive(self) -> list[tuple[int, dict[str, Any]]]:
        """Wait for replies; each with the number of its request."""
        try:
            return self._receive()
        except OSError as error:
            self.close()
            raise BrokerGone(self._why()) from error
        except BaseException:
            self.close()
            raise

    def _receive(self) -> list[tuple[int, dict[str, Any]]]:
        replies: list[tuple[int, dict[str, Any]]] = []
        while not replies:
            if self._socket is None:
                raise BrokerGone("the line to the broker is closed")
            with fork_gate.waiting():
                data = self._socket.recv(262144)
            if not data:
                self.close()
                raise BrokerGone(self._why())
            for _, number, body in self._reader.feed(data):
                reply = codec.decode(body)
                assert isinstance(reply, dict)
                replies.append((number, reply))
        return replies

    def end_broker(self) -> None:
        """Ask for the end of the broker; `wait_for_end` waits for it."""
        self.tell({"do": "end"})

    def wait_for_end(self) -> None:
        """Wait for an end that was asked for, for as long as it may need."""
        self._limit_waiting()
        with contextlib.suppress(BrokerGone):
            while True:  # there may be replies that nobody waits for any more
                self._receive()

    def leave(self) -> None:
        """Say that the run is over; `wait_until_left` waits for what that means."""
        self.tell({"do": "leave"})

    def wait_until_left(self) -> None:
        """Wait until no file is left of the run on any host."""
        self._limit_waiting()
        self.receive()
        self.close()

    def _limit_waiting(self) -> None:
        if self._socket is not None:
            self._socket.settimeout(_LONGEST_END)

    def is_quiet(self) -> bool:
        """Whether the broker is there and says nothing: there is no end of file to be read."""
        if self._socket is None:
            return False
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def hang_up(self) -> None:
        """Have whoever waits for a reply in another thread know that none will come."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        _borrowed.pop(self, None)
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def closed(self) -> bool:
        return self._socket is None

    def _why(self) -> str:
        said = launcher.log_of(self._directory)
        return "the broker process ended unexpectedly" + (f": {said}" if said else "")


def connect(endpoint: Endpoint, run: int) -> Client:
    """A line to the broker of a place, which is started if need be.

    `run` is the process of Ansible's run: the broker serves it until it ends.
    Raises BrokerGone.
    """
    for start_it in (False, True, False):
        found = _registered(endpoint.directory, run)
        if found is not None:
            return found
        # A broker that is coming up holds the lock until it listens; so would a fork.
        with fork_gate.keeping_turn(), launcher.locked(endpoint.directory) as lock:
            found = _registered(endpoint.directory, run)
            if found is not None:
                return found
            if start_it:
                launcher.start(endpoint, run, lock)
    raise BrokerGone(f"the broker did not start: {launcher.log_of(endpoint.directory)}")


def start(endpoint: Endpoint, run: int) -> None:
    """Start a broker where none listens, without waiting for it; `connect` does."""
    with launcher.locked(endpoint.directory) as lock:
        found = _registered(endpoint.directory, run)
        if found is None:
            launcher.start(endpoint, run, lock)
        else:
            found.close()


def _registered(directory: str, run: int) -> Client | None:
    """A line to a broker that knows of the run, and so will not end before it."""
    found = connect_if_running(directory)
    if found is not None:
        try:
            found.ask({"do": "register", "run": run})
        except BrokerGone:
            return None  # it was about to end
    return found


def connect_if_running(directory: str) -> Client | None:
    """A line to the broker of a directory; None where there is none."""
    try:
        return Client(_connected(directory), directory)
    except OSError:
        return None


def _connected(directory: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with address(directory) as path:
            connection.connect(path)
        check_peer(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def address(directory: str) -> Iterator[str]:
    """The path of a directory's socket, if need be in a form that is short enough for one."""
    path = os.path.join(directory, SOCKET)
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield path
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def check_peer(connection: socket.socket) -> None:
    """Raise PermissionError unless the other end is a process of our own user."""
    if not hasattr(socket, "SO_PEERCRED"):
        return  # the directory's mode has to do
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    if user != os.geteuid():
        raise PermissionError(f"the other end of the socket belongs to user {user}")


def remove(directory: str) -> None:
    """Remove a directory's socket, where there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, SOCKET))


#: Lines that are in use by no thread.
_idle: list[Client] = []

#: Lines that are in use, by the thread that borrowed them.
_borrowed: dict[Client, int] = {}


def borrow(endpoint: Endpoint, run: int) -> Client:
    """Return a line that was given back, or one that `connect` makes."""
    client = _quiet() or connect(endpoint, run)
    _borrowed[client] = threading.get_ident()
    return client


def _quiet() -> Client | None:
    while True:
        try:
            client = _idle.pop()
        except IndexError:  # none, or another thread was faster
            return None
        if client.is_quiet():
            return client
        client.close()


def give_back(client: Client) -> None:
    """Keep a line for the next `borrow`; nothing may be under way on it."""
    if _borrowed.pop(client, None) is not None:
        _idle.append(client)
    else:
        client.close()


def _keep_own_connections() -> None:
    """Close a fork's copies of lines, but for those of the thread that forked.

    While a fork had one open, the broker would not see that its owner closed it.
    """
    own = threading.get_ident()
    for client in [*_idle, *(each for each, thread in _borrowed.items() if thread != own)]:
        client.close()
    _idle.clear()


os.register_at_fork(after_in_child=_keep_own_connections)
