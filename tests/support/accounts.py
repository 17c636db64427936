"""Throwaway accounts on this host, to log in to. Made and removed by root alone."""

from __future__ import annotations

import contextlib
import getpass
import os
import pathlib
import pwd
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

from . import processes

NAME = re.compile(r"ectx(\d+)([a-z]+)")
SUDOERS = pathlib.Path("/etc/sudoers.d")


class Account(NamedTuple):
    name: str
    uid: int
    gid: int
    home: pathlib.Path
    password: str = ""

    @property
    def is_throwaway(self) -> bool:
        return NAME.fullmatch(self.name) is not None

    @property
    def root(self) -> pathlib.Path:
        """A directory that goes with the account, for who makes one."""
        return self.home.with_name(f"{self.name}-root")


def myself() -> Account:
    return _account(getpass.getuser())


@contextlib.contextmanager
def removed_at_the_end(*roles: str) -> Iterator[None]:
    """Nothing is left at the end of accounts with these roles, also when something failed."""
    _remove_leftovers()
    try:
        yield
    finally:
        for role in roles:
            _remove(_name(role))


def made(role: str, shell: str = "/bin/sh") -> Account:
    """An account that nobody can log in to by a password; to be used in `removed_at_the_end`."""
    # "*" is no password either, but unlike the default "!" sshd does not call it a locked account.
    # An empty skeleton: what is in the home afterwards was put there by a test.
    name = _name(role)
    home = pathlib.Path("/home", name)
    _run("useradd", "-M", "-d", str(home), "-s", shell, "-p", "*", name)
    account = _account(name)
    home.mkdir(mode=0o755)
    os.chown(home, account.uid, account.gid)
    return account


def made_with_sudo(role: str, shell: str = "/bin/sh") -> Account:
    """An account that becomes anybody by sudo, without a password."""
    account = made(role, shell)
    _allow_sudo(account, "NOPASSWD: ALL")
    return account


def made_with_password(role: str) -> Account:
    """An account that becomes anybody by sudo, with its password."""
    account = made(role)._replace(password=secrets.token_hex(12))
    _run("chpasswd", stdin=f"{account.name}:{account.password}\n")
    _allow_sudo(account, "ALL")
    return account


def _name(role: str) -> str:
    # Several runs may share a machine: the name says whose account it is.
    return f"ectx{os.getpid()}{role}"


def _account(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, pathlib.Path(entry.pw_dir))


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


@contextlib.contextmanager
def sudo_defaults(account: Account, settings: str) -> Iterator[None]:
    """More of sudo's Defaults for an account that may use sudo."""
    path = SUDOERS / account.name
    before = path.read_text(encoding="ascii")
    path.write_text(f"{before}Defaults:{account.name} {settings}\n", encoding="ascii")
    try:
        yield
    finally:
        path.write_text(before, encoding="ascii")


def _allow_sudo(account: Account, what: str) -> None:
    # Without a timestamp the password is asked for at each use, and nothing is left in /run/sudo.
    text = (
        f"Defaults:{account.name} timestamp_timeout=0, lecture=never\n"
        f"{account.name} ALL=(ALL:ALL) {what}\n"
    )
    path = SUDOERS / account.name
    path.touch(mode=0o440)
    path.write_text(text, encoding="ascii")


def _remove(name: str) -> None:
    (SUDOERS / name).unlink(missing_ok=True)
    with contextlib.suppress(KeyError):
        uid = pwd.getpwnam(name).pw_uid
        processes.end(processes.of_user(uid))
        _remove_payloads(uid)
        _run("userdel", name)
    shutil.rmtree(pathlib.Path("/home", name), ignore_errors=True)
    shutil.rmtree(pathlib.Path("/home", f"{name}-root"), ignore_errors=True)


def _remove_payloads(uid: int) -> None:
    """What a module unpacked, in the stock way, that left at once or was killed."""
    for path in pathlib.Path("/tmp").glob("ansible_*_payload_*"):
        with contextlib.suppress(FileNotFoundError):  # somebody else's, removed meanwhile
            if path.stat().st_uid == uid:
                shutil.rmtree(path)


def _remove_leftovers() -> None:
    """Accounts of test runs that were killed before they could clean up."""
    for entry in pwd.getpwall():
        owner = NAME.fullmatch(entry.pw_name)
        if owner and not processes.process(int(owner[1])):
            _remove(entry.pw_name)
