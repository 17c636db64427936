"""Launcher of brokers; by a lock, no directory has two of them."""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, NamedTuple

import ansible_econtext
import econtext

LOG = "broker.log"
LOCK = "broker.lock"

_START = (
    "import sys; sys.path[:0] = sys.argv[1].split(':')\n"
    "from ansible_econtext.broker.server import main; main(*sys.argv[3:])"
)


class Endpoint(NamedTuple):
    """Where a run finds its broker, and how long that stays."""

    directory: str
    #: Seconds that the broker stays after its last run; 0 ends it with the run that started it.
    persist: float


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


def start(endpoint: Endpoint, run: int, lock: IO[bytes]) -> None:
    """Start a broker for a run; it holds the lock until it listens or ends.

    It is a fresh interpreter in a session of its own: a fork of a worker would
    hold Ansible's memory and queues, and from ansible-core 2.19 on it would be
    killed with the worker's process group.  Its working directory is the run's, since
    paths in ssh's options may be relative.  No Python code runs between fork and exec:
    a user's plugins may have registered functions for forks that wait for ever.
    """
    packages = {os.path.dirname(package.__path__[0]) for package in (econtext, ansible_econtext)}
    argv = [sys.executable, "-IS", "-c", _START, ":".join(sorted(packages))]
    argv += ["ansible_econtext.broker.server", endpoint.directory, str(run), str(lock.fileno())]
    argv += [str(endpoint.persist)]
    with open(os.path.join(endpoint.directory, LOG), "wb") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
    process.returncode = 0  # it outlives the run: subprocess must not wait or warn


def log_of(directory: str) -> str:
    """Return the end of a broker's log, its internal errors; "" if there is none."""
    try:
        with open(os.path.join(directory, LOG), errors="replace") as log:
            return log.read()[-2000:].strip()
    except OSError:
        return ""
