"""Endpoint of a run: the directory of its broker, and how long the broker stays.

ssh and local slaves, which run modules, inherit much from the broker that starts them, and
it from its first run.  So a later run uses the broker of an earlier one only if both have
all of that in common: the name of the broker's directory is a hash of it.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import resource
import signal
import socket
import stat
import sys
from collections.abc import Iterator

from ansible import release
from ansible.errors import AnsibleOptionsError

import ansible_econtext
import econtext
from ansible_econtext import settings
from ansible_econtext.client.launcher import Endpoint
from ansible_econtext.core import run

#: Environment variables that a shell sets anew for each command.
_PASSING = ("_", "OLDPWD")


@functools.cache
def of_run() -> Endpoint:
    """Return the endpoint of this run's broker.

    The main process calls this first, and its forked workers inherit the value.  Raises
    AnsibleOptionsError if any option has an invalid value: the broker reads some of them, and
    could not tell a user.
    """
    try:
        settings.check()
    except ValueError as error:
        raise AnsibleOptionsError(str(error)) from None
    persist = settings.seconds("PERSIST")
    if persist and not _is_shared_left:
        # The run has a broker of its own if its home is open to others or takes no directory
        # more, its working directory is gone, or the sources are just being changed.
        with contextlib.suppress(OSError):
            directory = private_home() / _key()
            directory.mkdir(mode=0o700, exist_ok=True)
            return Endpoint(str(directory), persist)
    return Endpoint(str(run.own_directory() / "econtext"), 0)


_is_shared_left = False


def leave_shared() -> None:
    """Give this run a broker of its own from now on; for the main process, before it forks."""
    global _is_shared_left
    _is_shared_left = True
    of_run.cache_clear()


def home_directory() -> pathlib.Path:
    """Return the directory of all that outlives a run."""
    return run.home_directory() / "econtext"


def private_home() -> pathlib.Path:
    """Return `home_directory`, made if need be; raises OSError if others can enter it.

    Its sockets lead to open accounts.
    """
    directory = home_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    if not private or status.st_uid != os.geteuid():
        raise PermissionError(f"{directory} is open to others")
    return directory


def _key() -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in _inherited():
        digest.update(repr(part).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def _inherited() -> Iterator[object]:
    """Yield all that a broker and its children inherit from the run that starts it."""
    yield sys.executable, sys.version, release.__file__, release.__version__
    yield sorted(_protocol_version())
    # The same home may be seen from many machines, and from many containers of one.
    yield socket.gethostname(), sorted(_namespaces())
    # A program that is started has no others: the saved ones become those in effect.
    yield os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.getgroups()
    yield _umask(), os.nice(0)
    yield sorted(item for item in os.environ.items() if item[0] not in _PASSING)
    directory = os.stat(".")
    yield os.getcwd(), directory.st_dev, directory.st_ino
    yield [number for number in signal.valid_signals() if _is_ignored(number)]
    limits = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    yield [(name, resource.getrlimit(getattr(resource, name))) for name in limits]
    if hasattr(os, "sched_getaffinity"):
        yield sorted(os.sched_getaffinity(0))


def _protocol_version() -> Iterator[tuple[str, int, int]]:
    """Yield the version of the protocol (`messages.py`) and of what is done by it.

    That is the stamps of all files of this code: a broker serves no run of another version, be
    it one that was changed in place.
    """
    left = [package.__path__[0] for package in (econtext, ansible_econtext)]
    while left:
        for entry in os.scandir(left.pop()):
            if entry.name.endswith(".py"):
                status = entry.stat()
                yield entry.path, status.st_mtime_ns, status.st_size
            elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir():
                left.append(entry.path)


def _namespaces() -> Iterator[tuple[str, str]]:
    directory = "/proc/self/ns"
    for name in os.listdir(directory) if os.path.isdir(directory) else ():
        yield name, os.readlink(f"{directory}/{name}")


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


def _is_ignored(number: int) -> bool:
    return signal.getsignal(number) == signal.SIG_IGN
