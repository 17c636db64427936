"""A worker's line to the broker, and the start of the broker where there is none.

Requests and replies are values in frames of the library's own wire, one reply to
each request.  It is a local socket: directory 0700, socket 0600, and each end
checks the other's user.
"""

import contextlib
import fcntl
import os
import pathlib
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Any

import ansible_econtext
import econtext
from econtext.target import codec, wire

SOCKET = "broker.sock"
LOG = "broker.log"
LOCK = "broker.lock"

#: Bytes of one request or reply: a large module with its arguments, or its output.
LIMIT = 512 * 1024 * 1024

#: Seconds after which a broker has ended in any case, and a little more.
_LONGEST_END = 8.0

_START = (
    "import sys; sys.path[:0] = sys.argv[1].split(':')\n"
    "from ansible_econtext.broker import main; main(*sys.argv[3:])"
)


class BrokerGone(Exception):
    """The broker ended, or could not be started; the text says what is known."""


class Client:
    """A connection to the broker.  Not for use by two threads."""

    def __init__(self, connection: socket.socket, directory: pathlib.Path) -> None:
        self._socket: socket.socket | None = connection
        self._directory = directory
        self._reader = wire.Reader(frozenset([wire.RESULT]), LIMIT)

    def tell(self, request: dict[str, Any]) -> None:
        """Send a request that has no reply."""
        if self._socket is None:
            raise BrokerGone("the line to the broker is closed")
        try:
            self._socket.sendall(wire.frame(wire.OPEN, 0, codec.encode(request)))
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
        try:
            return self._receive()
        except OSError as error:
            self.close()
            raise BrokerGone(self._why()) from error
        except BaseException:
            self.close()
            raise

    def _receive(self) -> dict[str, Any]:
        assert self._socket is not None
        while True:
            data = self._socket.recv(262144)
            if not data:
                self.close()
                raise BrokerGone(self._why())
            for _, _, body in self._reader.feed(data):
                reply = codec.decode(body)
                assert isinstance(reply, dict)
                return reply

    def wait_for_end(self) -> None:
        """Ask for the end of the broker, and wait for it, for as long as it may need."""
        self.tell({"do": "end"})
        if self._socket is not None:
            self._socket.settimeout(_LONGEST_END)
            while self._socket.recv(262144):
                pass  # replies that nobody waits for any more
        self.close()

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

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def closed(self) -> bool:
        return self._socket is None

    def _why(self) -> str:
        said = _log(self._directory)
        return "the broker process ended unexpectedly" + (f": {said}" if said else "")


def _log(directory: pathlib.Path) -> str:
    try:
        return (directory / LOG).read_text(errors="replace")[-2000:].strip()
    except OSError:
        return ""


def connect(directory: pathlib.Path, parent: int) -> Client:
    """A line to the broker that serves `directory`, which is started if need be.

    `parent` is the process with whose end the broker ends.  Raises BrokerGone.
    """
    for start_it in (False, True, False):
        with contextlib.suppress(OSError):
            return Client(_connected(directory), directory)
        # A broker that is coming up holds the lock until it listens.
        with _locked(directory) as lock:
            with contextlib.suppress(OSError):
                return Client(_connected(directory), directory)
            if start_it:
                _start(directory, parent, lock)
    raise BrokerGone(f"the broker did not start: {_log(directory)}")


#: Lines that are in use by nobody, and the process that they belong to: a fork gets copies
#: of them, which it must not use.
_idle: list[Client] = []
_idle_of = 0


def borrow(directory: pathlib.Path, parent: int) -> Client:
    """As `connect`, but with a line that was given back where there is one."""
    global _idle_of
    if _idle_of != os.getpid():
        _idle.clear()
        _idle_of = os.getpid()
    while _idle:
        client = _idle.pop()
        if client.is_quiet():
            return client
        client.close()
    return connect(directory, parent)


def give_back(client: Client) -> None:
    """Keep a line for whoever needs the next; nothing may be under way on it."""
    if _idle_of == os.getpid():
        _idle.append(client)
    else:
        client.close()


def finish(directory: pathlib.Path) -> None:
    """Have the broker end its slaves and itself, and wait for it."""
    running = connect_if_running(directory)
    if running is not None:
        with contextlib.suppress(BrokerGone, OSError, KeyboardInterrupt):
            running.wait_for_end()


def connect_if_running(directory: pathlib.Path) -> Client | None:
    try:
        return Client(_connected(directory), directory)
    except OSError:
        return None


def _connected(directory: pathlib.Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(directory / SOCKET))
        check_peer(connection)
    except BaseException:
        connection.close()
        raise
    return connection


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


def start(directory: pathlib.Path, parent: int) -> None:
    """Start a broker where none listens, without waiting for it; `connect` does."""
    with _locked(directory) as lock:
        running = connect_if_running(directory)
        if running is None:
            _start(directory, parent, lock)
        else:
            give_back(running)


@contextlib.contextmanager
def _locked(directory: pathlib.Path) -> Iterator[IO[bytes]]:
    directory.mkdir(mode=0o700, exist_ok=True)
    with open(directory / LOCK, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def _start(directory: pathlib.Path, parent: int, lock: IO[bytes]) -> None:
    """Start a broker, which holds the lock until it listens, or ends.

    It is a fresh interpreter in a session of its own: a fork of a worker would
    hold Ansible's memory and queues, and from ansible-core 2.19 on it would be
    killed with the worker's process group.  Its directory is the run's own: the
    paths in ssh's options may be relative.  Nothing is called between fork and exec:
    what plugins of a user have registered for forks could wait there for ever.
    """
    places = {os.path.dirname(package.__path__[0]) for package in (econtext, ansible_econtext)}
    argv = [sys.executable, "-IS", "-c", _START, ":".join(sorted(places))]
    argv += ["ansible_econtext.broker", str(directory), str(parent), str(lock.fileno())]
    with open(directory / LOG, "wb") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
    process.returncode = 0  # it outlives us; nobody is to wait for it or to warn of it
