"""Route to a slave, as a worker describes it to the broker.

A route is a list of hops, each a dict: the first one reaches the host, each
further one starts a slave of the slave before it.  Hops are plain values, since
they travel; the broker makes a launch plan of each (`broker/launch_plan.py`).
"""

import hashlib
import os
from collections.abc import Sequence
from typing import Any

from econtext.boot import first_stage
from econtext.target import codec

try:
    import resource
except ImportError:  # not every platform has it
    resource = None  # type: ignore[assignment]

Hop = dict[str, Any]
Route = list[Hop]

#: Key of the hash, without which no secret can be found from it by trial.
_KEY = os.urandom(32)


def key_of(route: Route) -> bytes:
    """Return the key of a route: a hash, equal for two routes to the same slave.

    Passwords are part of it: a task with a wrong password gets no slave that another task
    opened with the right one.  A key is of use in the process that made it alone.
    """
    parts = [(hop["kind"], hop["key"], hop["password"]) for hop in route]
    return hashlib.blake2b(codec.encode(parts), key=_KEY, digest_size=32).digest()


def local_hop(pythons: Sequence[str]) -> Hop:
    """Return the hop to a slave on this machine and account.

    It gets this process's limit of open files, as the broker has a higher one for itself.
    """
    hop = _plain("local", "local", pythons, "local")
    if resource is not None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
        hop["argv"][2] = f"ulimit -Sn {limit}; {hop['argv'][2]}"
    return hop


def interpreter_hop(python: str) -> Hop:
    """Return the hop to a slave under another Python, of the same account."""
    return _plain("python", python, [python], python)


def _plain(kind: str, name: str, pythons: Sequence[str], key: str) -> Hop:
    argv = ["/bin/sh", "-c", "exec " + first_stage.command(pythons)]
    return {
        "kind": kind,
        "name": name,
        "argv": argv,
        "key": key,
        "password": None,
        "python": _only(pythons),
    }


def ssh_hop(
    hostname: str, argv: list[str], password: str | None, prompt: str, pythons: Sequence[str]
) -> Hop:
    """Return the hop to a slave on another host.

    `argv` is Ansible's own ssh command line without a remote command.  The Pythons are not
    part of the route's key: a host has one connection, and its first slave leads to slaves
    under other Pythons.
    """
    return {
        "kind": "ssh",
        "name": f"ssh.{hostname}",
        "argv": [*argv, first_stage.command(pythons)],
        "key": codec.encode(argv),
        "password": password,
        "prompt": prompt.encode(),
        "python": _only(pythons),
    }


def _only(pythons: Sequence[str]) -> str:
    return pythons[0] if len(pythons) == 1 else ""
