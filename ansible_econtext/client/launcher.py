"""Launcher of brokers."""

import os
import subprocess
import sys
from typing import IO, NamedTuple

import ansible_econtext
import econtext
from ansible_econtext.client import rendezvous

LOG = "broker.log"

#: Bytes at the end of a log that errors quote.
_TAIL = 2000

_START = (
    "import sys; sys.path[:0] = sys.argv[6:]\n"
    "from ansible_econtext.broker.server import main; main(*sys.argv[2:6])"
)


class Endpoint(NamedTuple):
    """Where a run finds its broker, and how long that stays."""

    directory: str
    #: Seconds that the broker stays after its last run; 0 ends it with the run that started it.
    persist: float


def start(endpoint: Endpoint, run: int, lock: IO[bytes]) -> None:
    """Start a broker for a run; it holds the lock until it listens or ends.

    `lock` is that of the endpoint's directory (`rendezvous.locked`): no directory has two brokers.

    It is a fresh interpreter in a session of its own: a fork of a worker would
    hold Ansible's memory and queues, and from ansible-core 2.19 on it would be
    killed with the worker's process group.  Its working directory is the run's, since
    paths in ssh's options may be relative.  No Python code runs between fork and exec:
    a user's plugins may have registered functions for forks that wait for ever.
    """
    packages = {os.path.dirname(package.__path__[0]) for package in (econtext, ansible_econtext)}
    argv = [sys.executable, "-IS", "-c", _START, "ansible_econtext.broker.server"]
    argv += [endpoint.directory, str(run), str(lock.fileno()), str(endpoint.persist)]
    argv += sorted(packages)
    with open(os.path.join(endpoint.directory, LOG), "wb") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
    rendezvous.note_broker(lock, process.pid)
    process.returncode = 0  # it outlives the run: subprocess must not wait or warn


def log_of(directory: str) -> str:
    """Return the end of a broker's log, its internal errors; "" if there is none."""
    try:
        with open(os.path.join(directory, LOG), "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL))
            return log.read(_TAIL).decode(errors="replace").strip()
    except OSError:
        return ""
