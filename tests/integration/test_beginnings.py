"""Slaves begin where an interpreter is a wrapper, and where startup files read, print or wait.

The same tasks in the stock way, which gives an interpreter a file and no input, and in ours.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import sshd as sshd_module
from tests.support.accounts import Account, made, made_with_sudo, removed_at_the_end
from tests.support.scale import ALL, more_of_a_kind

from . import beginnings
from .beginnings import PYTHON
from .conftest import short_directory
from .normalise import normalise
from .parity import differences
from .parity_kept import Names, compared
from .play import Both, Result, TaskResult, play_of, run_play
from .transports import Transport

WRAPPERS = beginnings.WRAPPERS | (beginnings.MORE_WRAPPERS if ALL else {})
STARTUP_FILES = beginnings.STARTUP_FILES | (beginnings.MORE_STARTUP_FILES if ALL else {})

TASKS: list[dict[str, Any]] = [
    {"name": "ping", "ping": {"data": "a text"}, "ignore_errors": True},
    {"name": "shell", "shell": "id -un; umask; pwd; exit 3", "ignore_errors": True},
]

#: Hosts whose tasks become another account, whose login reads and prints.
BECOME = {
    "become": PYTHON,
    "become_splits": "wrapper_splits",
}


def names() -> Iterator[Any]:
    """Return the parameters of a test: the name of each host."""
    yield from (f"wrapper_{name}" for name in beginnings.WRAPPERS)
    yield from (f"startup_{name}" for name in beginnings.STARTUP_FILES)
    yield from BECOME
    more = [f"wrapper_{name}" for name in beginnings.MORE_WRAPPERS]
    more += [f"startup_{name}" for name in beginnings.MORE_STARTUP_FILES]
    yield from (pytest.param(name, marks=more_of_a_kind) for name in more)


class Ground:
    """An sshd, two accounts, and the files that their shells and interpreters are."""

    def __init__(self, scratch: pathlib.Path, variables: dict[str, Any], became: Account) -> None:
        self._scratch = scratch
        self._variables = {**variables, "ansible_ssh_use_tty": False}
        self._become = {"ansible_become": True, "ansible_become_user": became.name}
        self._files = scratch / "files"

    def write_files(self, account: Account, became: Account) -> None:
        self._files.mkdir()
        for name, text in WRAPPERS.items():
            path = self._files / f"wrapper_{name}"
            path.write_text(text, encoding="ascii")
            path.chmod(0o755)
        for name, text in STARTUP_FILES.items():
            (self._files / f"startup_{name}").write_text(text, encoding="ascii")
        reads = f'[ -z "$ECTX_BEGINNING" ] || . {self._files}/$ECTX_BEGINNING\n'
        (account.home / ".bashrc").write_text(reads, encoding="ascii")
        (became.home / ".bash_profile").write_text(beginnings.PROFILE, encoding="ascii")

    def run(self, strategy: str) -> Result:
        """Run the tasks on all hosts; they are one account."""
        return run_play(
            [{**play_of(*TASKS)[0], "hosts": "all:!target"}],
            directory=self._scratch / "run",
            strategy=strategy,
            inventory={},
            others=self.hosts(),
            cfg={"forks": "3"},
            # An unprivileged account is given files that it may read.
            env={"ANSIBLE_SHELL_ALLOW_WORLD_READABLE_TEMP": "1"},
        )

    def hosts(self) -> dict[str, dict[str, Any]]:
        """Return the variables of each host."""
        wrappers = {f"wrapper_{name}": self._host(f"wrapper_{name}") for name in WRAPPERS}
        begun = {
            f"startup_{name}": {
                **self._host(PYTHON),
                # Through a master connection the variable would be the first one's.
                # There can be no slave without input.
                **({"ansible_pipelining": False} if name == "no_input" else {}),
                "ansible_ssh_args": f"-o ControlPath=none -o SetEnv=ECTX_BEGINNING=startup_{name}",
            }
            for name in STARTUP_FILES
        }
        become = {
            name: {**self._host(python), **self._become, "ansible_become_flags": "-i"}
            for name, python in BECOME.items()
        }
        return wrappers | begun | become

    def _host(self, python: str) -> dict[str, Any]:
        return {**self._variables, "ansible_python_interpreter": str(self._files / python)}


def directories_of(*accounts: Account) -> list[pathlib.Path]:
    """The directories of second starts by these accounts: other tests have theirs meanwhile."""
    found = []
    for path in pathlib.Path("/tmp").glob("econtext.*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_uid in {account.uid for account in accounts}:
                found.append(path)
    return found


@pytest.fixture(scope="module")
def both(strategy: str) -> Iterator[Both]:
    if os.geteuid() != 0 or not shutil.which("sudo") or not shutil.which("bash"):
        pytest.skip("needs root, sudo and bash: makes throwaway accounts")
    with (
        removed_at_the_end("begin", "became"),
        short_directory() as scratch,
        tempfile.TemporaryDirectory(prefix="ectx-sshd-") as directory,
    ):
        account, became = made_with_sudo("begin", "/bin/bash"), made("became", "/bin/bash")
        more = (
            f"AllowUsers {account.name}\nAcceptEnv ECTX_BEGINNING\nSubsystem sftp internal-sftp\n"
        )
        with sshd_module.running_sshd(pathlib.Path(directory), more) as sshd:
            ground = Ground(scratch, sshd.variables(account), became)
            ground.write_files(account, became)
            reached = Transport("ssh", account, sshd.variables(account))
            files = {**WRAPPERS, **STARTUP_FILES, "profile": beginnings.PROFILE}
            yield compared(
                {"hosts": ground.hosts(), "tasks": TASKS, "files": files, "more": more},
                Names(scratch, None, reached),
                lambda stock: Both(stock or ground.run("linear"), ground.run(strategy)),
                lambda both: all(not apart(name, both) for name in ground.hosts()),
            )
            assert not directories_of(account, became)


def shown(one: TaskResult) -> Any:
    """Return a result to compare, without the warnings of what was printed behind it.

    In the stock way that is what a trap of the login shell prints; a slave's login goes on.
    """
    result = {**one.result}
    warnings = [text for text in result.pop("warnings", []) if "had junk after" not in str(text)]
    return normalise(result | ({"warnings": warnings} if warnings else {}))


@pytest.mark.timeout(300)  # the first one waits for both runs
@pytest.mark.parametrize("name", list(names()))
def test_results_are_those_of_the_stock_way(name: str, both: Both) -> None:
    assert len([one for one in both.stock.tasks if one.host == name]) == len(TASKS), both.stock
    assert not apart(name, both), both.ours


def apart(name: str, both: Both) -> list[str]:
    """Return where the results of a host differ."""
    stock, ours = ([one for one in run.tasks if one.host == name] for run in both)
    if [one.status for one in ours] != [one.status for one in stock]:
        return ["the status"]
    return [
        difference
        for one, other in zip(ours, stock, strict=True)
        for difference in differences(one.task, shown(one), shown(other))
    ]
