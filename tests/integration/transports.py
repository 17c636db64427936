"""The ways to reach the target: who logs in, and the host variables that say how."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.process import pythons
from tests.support.accounts import Account, myself
from tests.support.sshd import Sshd

from .accounts import SHELLS, Accounts


class Transport(NamedTuple):
    name: str
    account: Account
    variables: dict[str, Any]


def not_in_the_home(scratch: pathlib.Path) -> dict[str, Any]:
    """Host variables that keep the home of who runs the tests clean."""
    return {
        "ansible_remote_tmp": str(scratch / "remote_tmp"),
        "ansible_async_dir": str(scratch / "async"),
    }


def ssh(sshd: Sshd, login: Account, scratch: pathlib.Path) -> Transport:
    variables = sshd.variables(login)
    if not login.is_throwaway:
        # Without root this sshd cannot give its user a terminal, which stock Ansible asks for.
        variables |= not_in_the_home(scratch) | {"ansible_ssh_use_tty": False}
    return Transport("ssh", login, variables)


def sudo(sshd: Sshd, accounts: Accounts) -> Transport:
    variables = sshd.variables(accounts.plain) | {"ansible_become": True}
    return Transport("sudo", accounts.plain, variables)


def sudo_password(sshd: Sshd, accounts: Accounts) -> Transport:
    account = accounts.guarded
    become = {"ansible_become": True, "ansible_become_password": account.password}
    return Transport("sudo_password", account, sshd.variables(account) | become)


def su_password(sshd: Sshd, accounts: Accounts) -> Transport:
    """From one account to another one, with the password of that."""
    other = accounts.guarded
    become = {
        "ansible_become": True,
        "ansible_become_method": "su",
        "ansible_become_user": other.name,
        "ansible_become_password": other.password,
    }
    return Transport("su_password", accounts.plain, sshd.variables(accounts.plain) | become)


def with_shell(name: str, sshd: Sshd, accounts: Accounts) -> Transport:
    if name not in accounts.with_shell:
        pytest.skip(f"needs {name}")
    account = accounts.with_shell[name]
    return Transport(name, account, sshd.variables(account))


def local(scratch: pathlib.Path) -> Transport:
    variables = {"ansible_connection": "local"} | not_in_the_home(scratch)
    return Transport("local", myself(), variables)


def with_python(name: str, sshd: Sshd, scratch: pathlib.Path) -> Transport:
    """By `python` and a version, on the target.

    Who runs the tests logs in, since an interpreter of theirs may be closed to others.
    """
    path = pythons.path(name.removeprefix("python"))
    if path is None:
        pytest.skip(f"needs {name}")
    account = myself()
    # Without root this sshd cannot give its user a terminal, which stock Ansible asks for.
    own = {"ansible_python_interpreter": path, "ansible_ssh_use_tty": False}
    variables = sshd.variables(account) | not_in_the_home(scratch) | own
    return Transport(name, account, variables)


def by_name(name: str, get: Callable[[str], Any], scratch: pathlib.Path) -> Transport:
    """For runs that several tests share, with the fixtures of their session."""
    if name == "local":
        return local(scratch)
    if name == "ssh":
        return ssh(get("sshd"), get("login"), scratch)
    if name.startswith("python"):
        return with_python(name, get("sshd"), scratch)
    if name in SHELLS:
        return with_shell(name, get("sshd"), get("accounts"))
    made = {"sudo": sudo, "sudo_password": sudo_password, "su_password": su_password}[name]
    return made(get("sshd"), get("accounts"))
