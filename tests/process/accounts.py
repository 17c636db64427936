"""Throwaway accounts on this machine, made and removed by root alone."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

from . import waiting

PREFIX = "ectp"
SUDOERS = pathlib.Path("/etc/sudoers.d")


class Account(NamedTuple):
    name: str
    password: str


@contextlib.contextmanager
def guarded_account() -> Iterator[Account]:
    """An account that may use sudo with its password; nothing of it is left at the end."""
    _remove_leftovers()
    name = f"{PREFIX}{os.getpid()}"  # several runs may share a machine
    try:
        home = pathlib.Path("/home", name)
        _run("useradd", "-M", "-d", str(home), "-s", "/bin/sh", "-p", "*", name)
        entry = pwd.getpwnam(name)
        home.mkdir(mode=0o755)
        os.chown(home, entry.pw_uid, entry.pw_gid)
        account = Account(name, secrets.token_hex(12))
        _run("chpasswd", stdin=f"{name}:{account.password}\n")
        # Without a timestamp the password is asked for each time, and none is left behind.
        rule = f"Defaults:{name} timestamp_timeout=0, lecture=never\n{name} ALL=(ALL:ALL) ALL\n"
        path = SUDOERS / name
        path.touch(mode=0o440)
        path.write_text(rule, encoding="ascii")
        yield account
    finally:
        _remove(name)


def _run(*command: str, stdin: str = "") -> None:
    """Run a tool of the shadow suite; its locks make it fail while another one runs."""
    deadline = time.monotonic() + 20
    while True:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30)
        if done.returncode == 0:
            return
        if "lock" not in done.stderr or time.monotonic() > deadline:
            raise RuntimeError(f"{command[0]}: {done.stderr.strip()}")
        time.sleep(0.1)


def _remove(name: str) -> None:
    (SUDOERS / name).unlink(missing_ok=True)
    with contextlib.suppress(KeyError):
        uid = pwd.getpwnam(name).pw_uid
        left = {
            process
            for process in waiting.family(1)
            if _owner(process.pid) == uid  # the account is ours, so its processes are
        }
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        waiting.gone(left)
        _run("userdel", name)
    shutil.rmtree(pathlib.Path("/home", name), ignore_errors=True)


def _owner(pid: int) -> int | None:
    try:
        return pathlib.Path("/proc", str(pid)).stat().st_uid
    except OSError:
        return None


def _remove_leftovers() -> None:
    """Accounts of runs that were killed before they could clean up."""
    for entry in pwd.getpwall():
        owner = re.fullmatch(PREFIX + r"(\d+)", entry.pw_name)
        if owner and not pathlib.Path("/proc", owner[1]).exists():
            _remove(entry.pw_name)
