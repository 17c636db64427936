"""Directory where a worker and its broker meet: the broker's socket, and a lock."""

import contextlib
import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import IO

SOCKET = "broker.sock"
LOCK = "broker.lock"

#: Bytes that a path of a socket may have (`sockaddr_un`: 108 on Linux, 104 elsewhere).
_LONGEST_PATH = 100

#: Seconds between attempts to get the lock: a broker that starts holds it for some 65 ms.
_LOOK = 0.005


class LockHeld(Exception):
    """Raised if another process holds a directory's lock for too long."""


@contextlib.contextmanager
def address(directory: str) -> Iterator[str]:
    """Give the path of a directory's socket, made short enough for an address."""
    path = os.path.join(directory, SOCKET)
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield path
        return
    if not os.path.isdir("/proc/self/fd"):
        import tempfile  # 4 ms, for what is rare: a broker's start is waited for

        with tempfile.TemporaryDirectory(prefix="econtext-", dir="/tmp") as short:
            os.symlink(os.path.abspath(directory), os.path.join(short, "d"))
            yield os.path.join(short, "d", SOCKET)
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def check_peer(connection: socket.socket) -> None:
    """Raise PermissionError unless the other end is a process of this user."""
    if not hasattr(socket, "SO_PEERCRED"):
        return  # the directory's mode has to do
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    if user != os.geteuid():
        raise PermissionError(f"the other end of the socket belongs to user {user}")


def remove_socket(directory: str) -> None:
    """Remove a directory's socket, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, SOCKET))


@contextlib.contextmanager
def locked(directory: str, patience: float) -> Iterator[IO[bytes]]:
    """Hold a directory's lock, under which brokers are started and withdrawn.

    Makes the directory if need be.  Raises LockHeld if another process holds the lock for
    `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory, 0o700)
        path = os.path.join(directory, LOCK)
        try:
            lock = open(path, "a+b")
        except FileNotFoundError:
            continue  # a broker at its end removed the directory in between
        with lock:
            _acquire(lock, deadline)
            if _is_same(lock, path):
                yield lock
                return


def _acquire(lock: IO[bytes], deadline: float) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockHeld from None
        time.sleep(_LOOK)


def note_broker(lock: IO[bytes], process: int) -> None:
    """Write into a held lock which process is the directory's broker."""
    lock.truncate(0)
    lock.write(str(process).encode())
    lock.flush()


def broker_of(directory: str) -> int:
    """Return the process number of the broker that was started last; 0 if it is not known."""
    try:
        with open(os.path.join(directory, LOCK)) as lock:
            return int(lock.read())
    except (OSError, ValueError):
        return 0


def _is_same(file: IO[bytes], path: str) -> bool:
    """Return whether the path leads to the open file: a broker removes its directory."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
