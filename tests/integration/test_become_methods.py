"""Become methods besides sudo: what the loaded plugin says decides how its command is driven.

The plugins are those of community.general. Where a program is not to be had, sudo or a script of a
line takes its place, so that a real Python starts behind the plugin's real command.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.support import collections
from tests.support.scale import more_of_a_kind

from .accounts import Accounts
from .normalise import normalise
from .parity import differences
from .play import Result, play_of, run_play
from .transports import Sshd

PLUGINS = "community/general/plugins/become"
DOAS = pathlib.Path("/etc/doas.conf")


class Method(NamedTuple):
    name: str
    #: Variables of the host besides the method, the account and its password.
    variables: dict[str, Any] = {}
    has_password: bool = False
    #: Text of a script that takes the program's place.
    script: str = ""
    #: Of a plugin that wants a connection with a terminal.
    ssh_args: str = ""

    def __str__(self) -> str:
        return f"{self.name}{'-password' if self.has_password else ''}"


Run = Callable[[Method, str], Result]

METHODS = [
    Method("sudosu"),
    Method("doas", {"ansible_become_flags": ""}),
    Method("doas", {"ansible_become_flags": ""}, has_password=True),
    Method("dzdo", {"ansible_become_exe": "sudo"}),
    Method("dzdo", {"ansible_become_exe": "sudo", "ansible_become_flags": "-S"}, has_password=True),
    Method("pfexec", {"ansible_become_exe": "sudo", "ansible_pfexec_wrap_execution": True}),
    Method("pbrun", {"ansible_become_exe": "sudo", "ansible_pbrun_wrap_execution": True}),
    Method(
        "pbrun",
        {
            "ansible_become_exe": "sudo",
            "ansible_become_flags": "-S -p Password:",
            "ansible_pbrun_wrap_execution": True,
        },
        has_password=True,
    ),
    Method("pmrun", script='exec sudo -n sh -c "$1"'),
    # A program of several words.
    Method("sesu", {"ansible_become_exe": "sudo -n su", "ansible_become_flags": "-"}),
    Method("ksu", script='user=$1; shift 2; exec sudo -n -u "$user" "$@"'),
]

#: One of each shape is in each run: asked on a terminal, told how to ask, several words.
USUAL = {"doas-password", "dzdo-password", "sesu"}


@contextlib.contextmanager
def doas_allows(accounts: Accounts) -> Iterator[None]:
    """Rules of doas for the accounts."""
    if shutil.which("doas") is None:
        pytest.skip("needs doas")
    if DOAS.exists():
        pytest.skip(f"there is a {DOAS}")
    DOAS.write_text(f"permit nopass {accounts.plain.name}\npermit {accounts.guarded.name}\n")
    try:
        yield
    finally:
        DOAS.unlink()


@pytest.fixture
def plugins() -> pathlib.Path:
    return collections.directory(PLUGINS)


@pytest.fixture
def run(sshd: Sshd, accounts: Accounts, scratch: pathlib.Path, plugins: pathlib.Path) -> Run:
    """Run the same tasks by a method, under a strategy."""

    def run(method: Method, strategy: str) -> Result:
        login = accounts.guarded if method.has_password else accounts.plain
        variables = {
            **sshd.variables(login),
            "ansible_become": True,
            "ansible_become_method": f"community.general.{method.name}",
            "ansible_become_user": "root",
            # Before 2.17 stock Ansible pipelines where a plugin says that it cannot.
            "ansible_pipelining": strategy != "linear",
            **method.variables,
        }
        if method.has_password:
            variables["ansible_become_password"] = login.password
        if method.script:
            program = scratch / method.name
            program.write_text(f"#!/bin/sh\n{method.script}\n", encoding="utf-8")
            program.chmod(0o755)
            variables["ansible_become_exe"] = str(program)
        return run_play(
            play_of(
                {"name": "who", "shell": "id -un; id -Gn; echo $HOME"},
                {"name": "loop", "command": "echo {{ item }}", "loop": [1, 2]},
                {"name": "file", "file": {"path": "/root/.no-such-file", "state": "absent"}},
            ),
            directory=scratch / "run",
            strategy=strategy,
            inventory=variables,
            env={
                "ANSIBLE_COLLECTIONS_PATH": str(plugins),
                "ANSIBLE_SSH_EXTRA_ARGS": method.ssh_args,
            },
            extra_args=["-vvv"],
        )

    return run


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize(
    "method",
    [
        pytest.param(each, id=str(each), marks=() if str(each) in USUAL else more_of_a_kind)
        for each in METHODS
    ],
)
def test_a_method_is_carried(method: Method, run: Run, accounts: Accounts, strategy: str) -> None:
    """And results are those of stock Ansible."""
    with doas_allows(accounts) if method.name == "doas" else contextlib.nullcontext():
        ours = run(method, strategy)
        stock = run(method, "linear")
    assert ours.rc == stock.rc == 0, f"{ours}\n{stock}"
    assert ours.one("who").result["stdout_lines"][0] == "root"
    assert len(ours.tasks) == len(stock.tasks)
    for one, other in zip(ours.tasks, stock.tasks, strict=True):
        assert not differences(one.task, normalise(one.result), normalise(other.result))
    assert "econtext: the stock way" not in ours.stdout
    assert ours.stdout.count("EXEC module ansible.modules") == 4


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("name", ["machinectl", pytest.param("run0", marks=more_of_a_kind)])
def test_a_method_that_cannot_be_carried_says_why(name: str, run: Run, strategy: str) -> None:
    """And goes the stock way."""
    script = 'while [ "$1" != /bin/sh ]; do shift; done; exec sudo -n "$@"'
    method = Method(name, {"ansible_pipelining": False}, script=script, ssh_args="-tt")
    result = run(method, strategy)
    assert result.rc == 0, str(result)
    reason = f"community.general.{name} puts a terminal between the slave and its link"
    assert f"econtext: the stock way for become: {reason}" in result.stdout


@pytest.mark.usefixtures("ours")
def test_a_sudo_that_does_not_read_its_input_has_a_terminal(
    sshd: Sshd, accounts: Accounts, strategy: str, scratch: pathlib.Path
) -> None:
    """As under stock Ansible without pipelining."""
    login = accounts.guarded
    result = run_play(
        play_of({"name": "who", "command": "id -un"}),
        directory=scratch / "run",
        strategy=strategy,
        inventory={
            **sshd.variables(login),
            "ansible_become": True,
            "ansible_become_flags": "-H",
            "ansible_become_password": login.password,
        },
    )
    assert result.rc == 0, str(result)
    assert result.one("who").result["stdout"] == "root"
