"""Directory where a worker and its broker meet: the broker's socket, and a lock."""

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from typing import IO

SOCKET = "broker.sock"
LOCK = "broker.lock"

#: Bytes that a path of a socket may have (`sockaddr_un`: 108 on Linux, 104 elsewhere).
_LONGEST_PATH = 100


@contextlib.contextmanager
def address(directory: str) -> Iterator[str]:
    """Give the path of a directory's socket, made short enough for an address.

    Raises OSError if it is too long for this system.
    """
    path = os.path.join(directory, SOCKET)
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield path
        return
    if not os.path.isdir("/proc/self/fd"):
        text = f"a socket's path has {_LONGEST_PATH} bytes at the most; shorten Ansible's `home`"
        raise OSError(errno.ENAMETOOLONG, text, path)
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
def locked(directory: str, wait: bool = True) -> Iterator[IO[bytes]]:
    """Hold a directory's lock, under which brokers are started and withdrawn.

    Makes the directory if need be.  Raises BlockingIOError if the lock is held by another
    process and `wait` is false.
    """
    while True:
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory, 0o700)
        path = os.path.join(directory, LOCK)
        try:
            lock = open(path, "wb")
        except FileNotFoundError:
            continue  # a broker at its end removed the directory in between
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(lock, path):
                yield lock
                return


def _is_same(file: IO[bytes], path: str) -> bool:
    """Return whether the path leads to the open file: a broker removes its directory."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
