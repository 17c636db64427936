"""A small container's root as a target: busybox is its only userland, and there is no /proc."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import busybox, collections
from tests.support.accounts import Account, made, removed_at_the_end
from tests.support.scale import parameters
from tests.support.sshd import running_sshd

from .normalise import normalise
from .parity import differences
from .play import Result, play_of, run_play
from .test_containers import PARTS

TASKS: list[dict[str, Any]] = [
    {"name": "facts", "setup": {"gather_subset": "!all,!min,env,python,platform"}},
    {"name": "shell", "shell": "id; pwd; echo $HOME; umask; ulimit -Sn; readlink $(which sh)"},
    {"name": "fails", "command": "cat /no/such", "ignore_errors": True},
    {"name": "input", "command": {"cmd": "tr a-z A-Z", "stdin": "given"}},
    {"name": "loop", "command": "echo {{ item }}", "loop": [1, 2, 3]},
    {"name": "directory", "file": {"path": "/tmp/made/inner", "state": "directory"}},
    {"name": "copy", "copy": {"content": "text\n", "dest": "/tmp/made/copied", "mode": "0640"}},
    {"name": "again", "copy": {"content": "text\n", "dest": "/tmp/made/copied", "mode": "0640"}},
    {"name": "line", "lineinfile": {"path": "/tmp/made/copied", "line": "more"}},
    {"name": "links", "file": {"src": "copied", "dest": "/tmp/made/link", "state": "link"}},
    {"name": "stat", "stat": {"path": "/tmp/made/link", "follow": True}},
    {"name": "find", "find": {"paths": "/tmp/made", "recurse": True, "file_type": "any"}},
    {"name": "slurp", "slurp": {"src": "/tmp/made/copied"}},
    {"name": "program", "script": "{{ script }} given"},
    {"name": "raw", "raw": "busybox | head -1; cat /tmp/made/copied"},
    {"name": "in time", "command": "echo later", "async": 20, "poll": 1},
    {"name": "environment", "shell": "echo $NAME", "environment": {"NAME": "a 'value'"}},
    {"name": "end", "file": {"path": "/tmp/made", "state": "absent"}},
]

BECOME = {
    "name": "su",
    "shell": "id; echo $HOME",
    "become": True,
    "become_method": "su",
    "become_user": "other",
}


@pytest.fixture(params=parameters(["chroot", "ssh"], {"chroot"}))
def target(
    request: pytest.FixtureRequest, scratch: pathlib.Path, tmp_path: pathlib.Path
) -> Iterator[tuple[dict[str, Any], str]]:
    """Variables of the host, and a directory for ANSIBLE_COLLECTIONS_PATH."""
    if request.param == "chroot":
        plugins = collections.directory(*PARTS)
        busybox.root(tmp_path / "root")
        host = str(tmp_path / "root")
        yield {"ansible_connection": "community.general.chroot", "ansible_host": host}, str(plugins)
        return
    if not busybox.is_here():
        pytest.skip(busybox.NEEDS)
    with removed_at_the_end("small"):
        account = made("small")
        busybox.root(account.root)  # sshd wants that none but root can write above it
        _let_in(account)
        more = f"Subsystem sftp internal-sftp\nChrootDirectory {account.root}\n"
        (scratch / "sshd").mkdir()
        with running_sshd(scratch / "sshd", more) as sshd:
            yield sshd.variables(account), ""


def _let_in(account: Account) -> None:
    home = account.root / account.home.relative_to("/")
    home.mkdir()
    with open(account.root / "etc" / "passwd", "a", encoding="ascii") as passwd:
        entry = f"{account.name}:x:{account.uid}:{account.gid}::{account.home}:/bin/sh\n"
        passwd.write(entry)
    os.chown(home, account.uid, account.gid)


@pytest.mark.usefixtures("ours")
def test_results_are_those_of_stock_ansible(
    target: tuple[dict[str, Any], str], scratch: pathlib.Path, strategy: str
) -> None:
    """Those with pipelining; and no task that stock Ansible can carry goes another way."""
    variables, plugins = target
    script = scratch / "script"
    script.write_text("#!/bin/sh\necho $1; id -u\n", encoding="ascii")
    is_root = variables["ansible_connection"] != "ssh"

    def run(strategy: str) -> Result:
        return run_play(
            play_of(*TASKS, *([BECOME] if is_root else [])),
            directory=scratch / "run",
            strategy=strategy,
            inventory={
                **variables,
                "ansible_pipelining": True,
                "script": str(script),
                "ansible_shell_allow_world_readable_tmpfiles": True,
            },
            env={"ANSIBLE_COLLECTIONS_PATH": plugins} if plugins else {},
            extra_args=["-vvv"],
        )

    ours, stock = run(strategy), run("linear")
    assert ours.rc == stock.rc == 0, f"{ours}\n{stock}"
    for task in [*ours.tasks, *stock.tasks]:
        for result in (task.result, *task.result.get("results", ())):
            result.pop("deprecations", None)  # of the connection's own imports (2.21)
    found = [
        difference
        for one, other in zip(ours.tasks, stock.tasks, strict=True)
        for difference in differences(one.task, normalise(one.result), normalise(other.result))
    ]
    assert not found, "\n".join(found)
    assert ours.stdout.count("EXEC module ansible.modules") >= 15, ours.stdout
