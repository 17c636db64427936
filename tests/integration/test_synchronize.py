"""`synchronize` and rsync's own ssh, which leads over the slave of the task's host.

The action plugin and the module are those of ansible.posix, rsync is the real one.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support import collections, processes
from tests.support.processes import until
from tests.support.scale import more_of_a_kind
from tests.support.sshd import Sshd

from .accounts import Accounts
from .normalise import normalise
from .parity import differences
from .play import Result, play_of, run_play, start_play
from .test_bastions import behind, keys  # noqa: F401

pytestmark = pytest.mark.skipif(shutil.which("rsync") is None, reason="needs rsync")

Run = Callable[..., Result]


def tasks(source: pathlib.Path, to: str, **task: Any) -> list[dict[str, Any]]:
    """Push a directory twice, change it there, push what differs, and pull one file."""

    def synchronize(**arguments: Any) -> dict[str, Any]:
        return {"ansible.posix.synchronize": arguments, "ignore_errors": True, **task}

    return [
        {"name": "push", **synchronize(src=f"{source}/", dest=to)},
        {"name": "again", **synchronize(src=f"{source}/", dest=to)},
        {
            "name": "more",
            "command": f"touch -d @9 {to}/big {to}/more",
            "changed_when": True,
            **task,
        },
        {"name": "delta", **synchronize(src=f"{source}/", dest=to, delete=True, checksum=True)},
        {"name": "pull", **synchronize(mode="pull", src=f"{to}/f", dest=f"{source}/pulled")},
        {"name": "none", **synchronize(src=f"{source}/none", dest=to)},
        {"name": "files", "shell": f"cd {to} && ls -lR --time-style=+%s && md5sum big", **task},
        {"name": "own", **synchronize(src=f"{source}/", dest=to, rsync_opts=["--stats"])},
        {"name": "gone", "file": {"path": to, "state": "absent"}, **task},
    ]


@pytest.fixture
def source(scratch: pathlib.Path) -> pathlib.Path:
    made = scratch / "source"
    (made / "sub").mkdir(parents=True)
    (made / "f").write_text("text\n", encoding="ascii")
    (made / "sub" / "program").write_text("#!/bin/sh\n", encoding="ascii")
    (made / "sub" / "program").chmod(0o750)
    (made / "link").symlink_to("f")
    (made / "big").write_bytes(os.urandom(1 << 20))
    return made


@pytest.fixture
def env() -> dict[str, str]:
    return {"ANSIBLE_COLLECTIONS_PATH": str(collections.directory("ansible/posix/plugins"))}


@pytest.fixture
def run(scratch: pathlib.Path, env: dict[str, str]) -> Iterator[Run]:
    """Run tasks under a strategy."""

    def run(strategy: str, inventory: Any, *tasks: Any, **more: Any) -> Result:
        return run_play(
            play_of(*tasks),
            directory=scratch / "run",
            strategy=strategy,
            inventory=inventory,
            env=env,
            extra_args=["-vvv"],
            **more,
        )

    yield run


def assert_alike(ours: Result, stock: Result) -> None:
    """All is alike but the path of ssh in rsync's command, and numbers of bytes."""
    found = []
    for one, other in zip(ours.tasks, stock.tasks, strict=True):
        for result in (one.result, other.result):
            result.pop("cmd", None)
            if result.get("rc"):  # rsync may see first that ssh ended or that nothing comes
                del result["rc"]
                said = [line for line in result["msg"].splitlines() if "rsync error" not in line]
                # The real ssh tells that it asked for no host key.
                result["msg"] = [line for line in said if "Permanently added" not in line]
            for key in ("msg", "stdout_lines") if one.task == "own" else ():
                result.pop(key)
        found += differences(one.task, normalise(one.result), normalise(other.result))
    assert not found, "\n".join(found)


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize(
    "become", [pytest.param(False, id="login", marks=more_of_a_kind), pytest.param(True, id="sudo")]
)
def test_results_and_files_are_those_of_stock(
    become: bool,
    run: Run,
    source: pathlib.Path,
    sshd: Sshd,
    accounts: Accounts,
    strategy: str,
) -> None:
    """And the host has no other login than that of its slave."""
    to = f"/tmp/econtext-{source.parent.name}"
    wanted = tasks(source, to, **({"become": True} if become else {}))
    host = sshd.variables(accounts.plain)
    before = sshd.accepted(accounts.plain)
    ours = run(strategy, host, *wanted)
    assert sshd.accepted(accounts.plain) - before == 1, str(ours)
    assert (source / "pulled").exists(), str(ours)
    (source / "pulled").unlink()
    stock = run("linear", host, *wanted)
    assert [task.status for task in stock.tasks].count("ignored") == 1, str(stock)  # "none"
    assert_alike(ours, stock)


@pytest.mark.usefixtures("ours")
def test_sudo_with_a_password_behind_a_bastion(
    run: Run,
    source: pathlib.Path,
    sshd: Sshd,
    accounts: Accounts,
    keys: pathlib.Path,  # noqa: F811
    strategy: str,
) -> None:
    """Stock's `sudo -u root rsync` has nobody to give it the password."""
    to = f"/tmp/econtext-{source.parent.name}"
    host = behind(sshd, accounts.guarded, keys)
    host["ansible_become_password"] = accounts.guarded.password
    before = sshd.accepted(accounts.plain), sshd.accepted(accounts.guarded)
    result = run(
        strategy,
        host,
        *tasks(source, to, become=True),
        others={"bastion": sshd.variables(accounts.plain)},
    )
    after = sshd.accepted(accounts.plain), sshd.accepted(accounts.guarded)
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1], str(result)
    statuses = {task.task: task.status for task in result.tasks}
    assert statuses.pop("none") == "ignored"
    assert set(statuses.values()) == {"ok"}, str(result)
    assert "root root" in result.one("files").result["stdout"]


@pytest.mark.usefixtures("ours")
def test_a_login_that_has_changed_is_a_fresh_one(
    run: Run, source: pathlib.Path, sshd: Sshd, accounts: Accounts, strategy: str
) -> None:
    """As it is for a module: what a task changed counts for rsync on the host."""
    if "csh" not in accounts.with_shell:
        pytest.skip("needs csh")
    account, to = accounts.with_shell["csh"], f"/tmp/econtext-{source.parent.name}"
    file = {"path": "~/.cshrc", "line": "umask 077"}
    sync = {"src": f"{source}/f", "dest": to, "perms": False}
    wanted = [
        {"name": "slave", "ping": {}},
        {"name": "change", "lineinfile": {**file, "create": True}},
        {"name": "push", "ansible.posix.synchronize": sync},
        {"name": "mode", "stat": {"path": to}},
        {"name": "gone", "file": {"path": to, "state": "absent"}},
        {"name": "back", "lineinfile": {**file, "state": "absent"}},
    ]
    result = run(strategy, sshd.variables(account), *wanted)
    assert result.one("mode").result["stat"]["mode"] == "0600", str(result)


@more_of_a_kind
@pytest.mark.usefixtures("ours")
def test_another_destination_has_the_real_ssh(
    run: Run, source: pathlib.Path, sshd: Sshd, accounts: Accounts, strategy: str
) -> None:
    """Another port or key of the task's own leads elsewhere, as under stock Ansible."""
    wanted = [
        {
            "name": name,
            "ansible.posix.synchronize": {"src": f"{source}/f", "dest": "/tmp/none", **more},
            "ignore_errors": True,
        }
        for name, more in {
            "port": {"dest_port": 1},
            "key": {"private_key": str(sshd.wrong_key)},
        }.items()
    ]
    ours = run(strategy, sshd.variables(accounts.plain), *wanted)
    stock = run("linear", sshd.variables(accounts.plain), *wanted)
    assert [task.status for task in ours.tasks] == ["ignored", "ignored"], str(ours)
    assert_alike(ours, stock)


@pytest.mark.usefixtures("ours")
def test_an_interrupted_task_leaves_nothing(
    source: pathlib.Path,
    sshd: Sshd,
    accounts: Accounts,
    strategy: str,
    scratch: pathlib.Path,
    env: dict[str, str],
) -> None:
    """No process on either side, and no file of the emulated ssh."""
    seconds = f"99{os.getpid()}"
    sync = {"src": f"{source}/f", "dest": "/tmp/none", "rsync_path": f"sleep {seconds}; rsync"}
    running = start_play(
        play_of({"ansible.posix.synchronize": sync}),
        directory=scratch / "run",
        strategy=strategy,
        inventory=sshd.variables(accounts.plain),
        env=env,
    )

    def asleep() -> set[processes.Process]:
        assert running.process.poll() is None, str(running.wait())
        found = processes.with_argument(seconds)
        return {one for one in found if one.argv.split()[0] == "sleep"}

    family = until(30, asleep, "the command on the host runs")
    [program] = (scratch / "run" / "tmp").glob("econtext-*/ssh")
    running.process.send_signal(signal.SIGINT)
    assert running.wait().rc != 0
    processes.gone(family | processes.with_argument(str(program)))
    until(20, lambda: not program.parent.exists(), "the emulated ssh is gone")
