"""Route to a slave, as a worker describes it to the broker.

The first hop of a route reaches the host or its bastion, each further one starts a slave of the
slave before it.  Hops are plain values, since they travel; the broker makes a launch plan of each
(`broker/launch_plan.py`).
"""

import hashlib
import os
import re
import resource
from collections.abc import Sequence

from ansible_econtext.client.record import Record
from econtext.boot import first_stage
from econtext.target import codec


class Hop(Record):
    """Step of a route: the command that starts the next slave, and what it may ask for."""

    #: "ssh", "local", "container", "become", or "python" for another interpreter of the account.
    kind: str
    name: str
    argv: list[str]
    #: Equal in all hops that lead to the same slave, if their passwords are equal.
    key: str
    #: The one interpreter to start the slave with; empty if the first stage looks for one.
    python: str
    password: str | None = None
    #: Regular expression of the request for a password, at the end of the output.
    prompt: bytes = b""
    #: Whether the command gets a terminal, apart from the pipes of its input and output.
    terminal: bool = False
    # Of become: what its command prints when it is ready for the bundle, what it says of a wrong
    # password and of one that it cannot ask for.
    marker: bytes = b""
    incorrect: tuple[bytes, ...] = ()
    missing: tuple[bytes, ...] = ()
    #: Seconds that the user allows: for a login by ssh, or for become until its marker.
    timeout: float = 0.0
    #: Whether it leads over a network, where compression pays.
    is_network: bool = False


Route = list[Hop]

#: Key of the hash, without which no secret can be found from it by trial.
_KEY = os.urandom(32)


def key_of(route: Route) -> bytes:
    """Return the key of a route: a hash, equal for two routes to the same slave.

    Passwords are part of it: a task with a wrong password gets no slave that another task
    opened with the right one.  A key is of use in the process that made it alone.
    """
    parts = [(hop.kind, hop.key, hop.password) for hop in route]
    return hashlib.blake2b(codec.encode(parts), key=_KEY, digest_size=32).digest()


def host_of(route: Route) -> Route:
    """Return the part of a route that leads to its host: without accounts and further Pythons."""
    length = max(n for n, hop in enumerate(route, 1) if hop.kind not in ("become", "python"))
    return route[:length]


def without_pythons(route: Route) -> Route:
    """Return the route to the slave that its account's login starts."""
    while route[-1].kind == "python":
        route = route[:-1]
    return route


def local_hop(pythons: Sequence[str]) -> Hop:
    """Return the hop to a slave on this machine and account.

    It gets this process's limit of open files, as the broker has a higher one for itself.
    """
    command = f"{_own_limit()}; exec {first_stage.command(pythons)}"
    return Hop("local", "local", ["/bin/sh", "-c", command], "local", only(pythons))


def container_hop(
    name: str, argv: list[str], key: str, pythons: Sequence[str], is_network: bool
) -> Hop:
    """Return the hop to a slave in a container, by a program of this machine.

    It gets this process's limit of open files, too.  `argv` has `first_stage.command` of the
    Pythons in it, which are not part of the route's key.
    """
    command = ["/bin/sh", "-c", f'{_own_limit()}; exec "$@"', "sh", *argv]
    return Hop("container", name, command, key, only(pythons), is_network=is_network)


def _own_limit() -> str:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"ulimit -Sn {'unlimited' if soft == resource.RLIM_INFINITY else soft}"


def interpreter_hop(python: str) -> Hop:
    """Return the hop to a slave under another Python, of the same account."""
    return Hop("python", python, list(first_stage.in_shell(python)), python, python)


def ssh_hop(
    hostname: str,
    argv: list[str],
    password: str | None,
    prompt: str,
    pythons: Sequence[str],
    timeout: float = 0.0,
) -> Hop:
    """Return the hop to a slave on another host.

    `argv` is Ansible's own ssh command line without a remote command.  The Pythons are not
    part of the route's key: a host has one connection, and its first slave leads to slaves
    under other Pythons.
    """
    return Hop(
        kind="ssh",
        name=f"ssh.{hostname}",
        argv=[*argv, first_stage.command(pythons)],
        key="\0".join(argv),
        python=only(pythons),
        password=password,
        prompt=re.escape(prompt.encode()),
        terminal=password is not None,
        timeout=timeout,
        is_network=True,
    )


def only(pythons: Sequence[str]) -> str:
    """Return the Python of a list of one, else an empty text."""
    return pythons[0] if len(pythons) == 1 else ""
