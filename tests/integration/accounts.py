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
import stat
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

from . import processes

#: Login shells that speak another language than sh.
SHELLS = ("csh", "fish")
ROLES = ("plain", "guard", "bare", *SHELLS)
NAME = re.compile(rf"ectx(\d+)({'|'.join(ROLES)})")
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


class Accounts(NamedTuple):
    plain: Account  # sudo without a password
    guarded: Account  # sudo with its password
    bare: Account  # its session sees a root directory without any Python
    bare_root: pathlib.Path
    with_shell: dict[str, Account]  # by the name of the shell; sudo without a password

    @property
    def all(self) -> list[Account]:
        return [self.plain, self.guarded, self.bare, *self.with_shell.values()]


def myself() -> Account:
    entry = pwd.getpwnam(getpass.getuser())
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, pathlib.Path(entry.pw_dir))


@contextlib.contextmanager
def throwaway_accounts() -> Iterator[Accounts]:
    """An account of each kind; nothing of them is left at the end, also when something failed."""
    _remove_leftovers()
    # Several runs may share a machine: the name says whose account it is.
    names = {role: f"ectx{os.getpid()}{role}" for role in ROLES}
    try:
        plain, guarded, bare = (_add(names[role], "/bin/sh") for role in ("plain", "guard", "bare"))
        paths = {shell: path for shell in SHELLS if (path := shutil.which(shell))}
        with_shell = {shell: _add(names[shell], path) for shell, path in paths.items()}
        _allow_sudo(plain, "NOPASSWD: ALL")
        _allow_sudo(guarded, "ALL")
        guarded = guarded._replace(password=secrets.token_hex(12))
        _run("chpasswd", stdin=f"{guarded.name}:{guarded.password}\n")
        root = pathlib.Path("/home", f"{bare.name}-root")
        _make_root_without_python(root, bare)
        for account in with_shell.values():
            _allow_sudo(account, "NOPASSWD: ALL")
        yield Accounts(plain, guarded, bare, root, with_shell)
    finally:
        for name in names.values():
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


def _add(name: str, shell: str) -> Account:
    # "*" is no password either, but unlike the default "!" sshd does not call it a locked account.
    # An empty skeleton: what is in the home afterwards was put there by a play.
    home = pathlib.Path("/home", name)
    _run("useradd", "-M", "-d", str(home), "-s", shell, "-p", "*", name)
    entry = pwd.getpwnam(name)
    home.mkdir(mode=0o755)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return Account(name, entry.pw_uid, entry.pw_gid, home)


def _allow_sudo(account: Account, what: str) -> None:
    # Without a timestamp the password is asked for at each use, and nothing is left in /run/sudo.
    text = (
        f"Defaults:{account.name} timestamp_timeout=0, lecture=never\n"
        f"{account.name} ALL=(ALL:ALL) {what}\n"
    )
    path = SUDOERS / account.name
    path.touch(mode=0o440)
    path.write_text(text, encoding="ascii")


def _make_root_without_python(root: pathlib.Path, account: Account) -> None:
    """A directory for ChrootDirectory: a shell and a few tools with their libraries.

    A PATH without Python would not do: Ansible looks for /usr/bin/python3 as well.
    """
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    for tool in ("sh", "cat", "echo", "uname", "mkdir", "rm", "id", "sleep", "chmod"):
        binary = os.path.realpath(shutil.which(tool, path="/bin:/usr/bin") or tool)
        shutil.copy(binary, root / "bin" / tool)
        ldd = subprocess.run(["ldd", binary], capture_output=True, text=True, timeout=30)
        for library in re.findall(r"(/\S+) \(0x", ldd.stdout):
            inside = root / library.lstrip("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, inside)
    (root / "dev").mkdir()
    with contextlib.suppress(PermissionError):  # some containers forbid it, and can do without
        os.mknod(root / "dev" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        (root / "dev" / "null").chmod(0o666)
    inner_home = root / account.home.relative_to("/")
    inner_home.mkdir(parents=True)
    os.chown(inner_home, account.uid, account.gid)


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
