"""Starts a broker, and sees to it that there is one for a directory, not two."""

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
    """Where a broker is."""

    directory: str
    #: Seconds that the broker stays after its last run; 0 ends it with the run that started it.
    persist: float


@contextlib.contextmanager
def locked(directory: str, wait: bool = True) -> Iterator[IO[bytes]]:
    """Hold a directory's lock, which whoever starts or ends its broker holds.

    Raises BlockingIOError where it is held and `wait` is false.
    """
    while True:
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory, 0o700)
        path = os.path.join(directory, LOCK)
        try:
            lock = open(path, "wb")
        except FileNotFoundError:
            continue  # removed in between, by a broker at its end
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(lock, path):
                yield lock
                return


def _is_same(file: IO[bytes], path: str) -> bool:
    """Whether the path still leads to the open file: a broker takes its directory with it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def start(endpoint: Endpoint, run: int, lock: IO[bytes]) -> None:
    """Start a broker for a run, which holds the lock until it listens, or ends.

    It is a fresh interpreter in a session of its own: a fork of a worker would
    hold Ansible's memory and queues, and from ansible-core 2.19 on it would be
    killed with the worker's process group.  Its working directory is the run's: the
    paths in ssh's options may be relative.  Nothing is called between fork and exec:
    what plugins of a user have registered for forks could wait there for ever.
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
    process.returncode = 0  # it outlives us; nobody is to wait for it or to warn of it


def log_of(directory: str) -> str:
    """What a broker has written of its own faults."""
    try:
        with open(os.path.join(directory, LOG), errors="replace") as log:
            return log.read()[-2000:].strip()
    except OSError:
        return ""
