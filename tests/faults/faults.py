"""Faults other than signals: of the connection, of limits on either side, of logins and servers."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.support import processes

from .cast import Cast
from .stages import Scene

SIGNALS = {
    "SIGKILL": signal.SIGKILL,
    "SIGTERM": signal.SIGTERM,
    "SIGHUP": signal.SIGHUP,
    "Ctrl-C": signal.SIGINT,
    "SIGSTOP": signal.SIGSTOP,  # until the stage has been let go on
}

#: What the fault does to a run that is at its stage.
Strike = Callable[[Scene, Cast], None]


@contextlib.contextmanager
def _nothing(scene: Scene) -> Iterator[None]:
    yield


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault; what is there from the start needs no stage to be reached."""

    #: None if the fault is there from the start.
    strike: Strike | None = None
    #: More of sshd's configuration, and a script that starts sshd as its arguments.
    config: str = ""
    server: str = ""
    #: The command in front of ansible-playbook.
    controller: tuple[str, ...] = ()
    variables: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    #: Keywords of the task at the stage.
    keywords: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    #: Entered before the run, and left after it.
    around: Callable[[Scene], contextlib.AbstractContextManager[None]] = _nothing


#: ssh tells its own death in time: stock Ansible waits for ever without these, too.
_ALIVE = {
    "ansible_ssh_extra_args": "-o ServerAliveInterval=1 -o ServerAliveCountMax=2",
    "ansible_timeout": 3,
}


@contextlib.contextmanager
def _fragmented(scene: Scene) -> Iterator[None]:
    scene.proxy.is_fragmented = True
    yield


LINKS = {
    "cut": Fault(lambda scene, cast: scene.proxy.last.end(True)),
    "closed": Fault(lambda scene, cast: scene.proxy.last.end(False)),
    "half open": Fault(lambda scene, cast: scene.proxy.last.end(True, "server"), variables=_ALIVE),
    "stalled": Fault(lambda scene, cast: scene.proxy.last.stall(), variables=_ALIVE),
    "fragmented": Fault(lambda scene, cast: None, around=_fragmented),
}


def _wait_for_result(scene: Scene, cast: Cast) -> None:
    record = scene.directory / "run" / "record"
    scene.until(lambda: '"task": "at"' in record.read_text("utf-8"), "the task's time is up")


#: Long enough to reach each stage, of which the task waits for the rest.
THREADS = {"timeout": Fault(_wait_for_result, keywords={"timeout": 8})}


def _login(script: str) -> Fault:
    """Return a fault of a login: a shell runs the script before each command."""
    return Fault(config=f'ForceCommand {script} exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')


def _limited(option: str) -> Fault:
    """Return a fault of a login that has a limit, which is an option of `prlimit`."""
    command = f'exec prlimit {option} /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    return Fault(config=f"ForceCommand {command}\n")


def _mounted(script: str) -> Fault:
    """Return a fault of file systems: sshd is in a mount namespace of its own.

    In the script $HOME is the account's home.
    """
    return Fault(server=f'{script}; exec "$@"')


_BIND = "mount --bind $HOME $HOME; mount -o remount,bind,{} $HOME"


@contextlib.contextmanager
def _without_home(scene: Scene) -> Iterator[None]:
    home = scene.target.account.home
    elsewhere = home.with_name(f"{home.name}-elsewhere")
    home.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(home)


@contextlib.contextmanager
def _busy_sshd(scene: Scene) -> Iterator[None]:
    """Take the only place of those that have not logged in, which another may still have."""

    def taken() -> socket.socket | None:
        peer = socket.create_connection(("127.0.0.1", scene.proxy.server_port), 10)
        if peer.recv(4) == b"SSH-":
            return peer
        peer.close()
        return None

    with processes.until(10, taken, "the place is free"):
        yield


TARGETS = {
    "ENOSPC in home": _mounted("mount -t tmpfs -o size=64k,mode=777 none $HOME"),
    "EROFS home": _mounted(_BIND.format("ro")),
    "noexec home": _mounted(_BIND.format("noexec")),
    "noexec /tmp": _mounted("mount -t tmpfs -o noexec,mode=1777 none /tmp"),
    "ENOSPC in /tmp": _mounted("mount -t tmpfs -o size=4k,nr_inodes=1,mode=1777 none /tmp"),
    "no /tmp": _mounted("mount -t tmpfs -o ro,mode=000 none /tmp"),
    "no /dev/shm": _mounted("mount -t tmpfs -o ro,mode=000 none /dev/shm"),
    "no /proc": _mounted("mount -t tmpfs -o ro none /proc"),
    "no home": Fault(around=_without_home),
    "1 process": _limited("--nproc=1"),
    "3 processes": _limited("--nproc=3"),
    "5 descriptors": _limited("--nofile=5"),
    "16 descriptors": _limited("--nofile=16"),
    "32 descriptors": _limited("--nofile=32"),
    "no memory": _limited("--as=16000000"),
    "little memory": _limited("--as=40000000"),
    "files of 1 MB": _limited("--fsize=1000000"),
    "MaxSessions 0": Fault(config="MaxSessions 0\n"),
    "MaxSessions 1": Fault(config="MaxSessions 1\n"),
    "MaxStartups 1": Fault(config="MaxStartups 1\n", around=_busy_sshd),
    "login prints": _login("echo hello; echo hello >&2;"),
    "login prints much": _login("yes welcome | head -c 300000;"),
    "login reads": _login("timeout 0.5 cat >/dev/null;"),
    "login sleeps": _login("sleep 1;"),
    "login fails": _login("exit 3;"),
    "login is killed": _login("kill -9 $$;"),
}


def _mounted_here(script: str) -> Fault:
    """Return a fault of the controller's file systems; the script begins in the run's directory."""
    return Fault(controller=("unshare", "-m", "/bin/sh", "-ec", f'{script}; exec "$@"', "sh"))


CONTROLLERS = {
    "ENOSPC in local tmp": _mounted_here("mount -t tmpfs -o size=16k none local"),
    "ENOSPC in home": _mounted_here("mount -t tmpfs -o size=16k none home"),
    "EROFS home": _mounted_here("mount -t tmpfs -o ro none home"),
    "noexec tmp": _mounted_here("mount -t tmpfs -o noexec none tmp"),
    "40 descriptors": Fault(controller=("prlimit", "--nofile=40")),
    "20 descriptors": Fault(controller=("prlimit", "--nofile=20")),
    "files of 1 MB": Fault(controller=("prlimit", "--fsize=1000000")),
}
