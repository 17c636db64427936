"""Hosts behind a bastion: `econtext_via` leads to them through the bastion's slave."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support import processes
from tests.support.accounts import Account
from tests.support.sshd import Sshd

from .accounts import Accounts
from .normalise import normalise
from .parity import differences
from .play import Result, play_of, run_play, start_play

Hosts = Callable[..., dict[str, Any]]


@pytest.fixture
def keys(sshd: Sshd, accounts: Accounts) -> Iterator[pathlib.Path]:
    """A directory of the bastion's account with a key for the hosts behind it."""
    directory = accounts.plain.home / "keys"
    directory.mkdir(mode=0o700)
    for path in (sshd.key, sshd.known_hosts):
        shutil.copy(path, directory / path.name)
        os.chown(directory / path.name, accounts.plain.uid, accounts.plain.gid)
    os.chown(directory, accounts.plain.uid, accounts.plain.gid)
    yield directory
    shutil.rmtree(directory)


def behind(sshd: Sshd, account: Account, keys: pathlib.Path, via: str = "bastion") -> Any:
    """Variables of a host that is reached through another one, with the keys there."""
    options = f"-F none -o IdentitiesOnly=yes -o UserKnownHostsFile={keys / 'known_hosts'}"
    return {
        **sshd.variables(account),
        "ansible_ssh_private_key_file": f"~/{keys.name}/key",
        "ansible_ssh_common_args": options,
        "econtext_via": via,
    }


TASKS: list[dict[str, Any]] = [
    {"name": "facts", "setup": {"gather_subset": ["!all", "!min", "user"]}},
    {"name": "loop", "command": "echo {{ item }}", "loop": [1, 2]},
    {"name": "copy", "copy": {"content": "text", "dest": "~/copied"}},
    {"name": "fetch", "fetch": {"src": "~/copied", "dest": "{{ to }}/", "flat": True}},
    {"name": "module's program", "raw": "echo $HOME; cat copied; exit 3", "ignore_errors": True},
    {"name": "become", "command": "id -un", "become": True},
    {"name": "raw by become", "raw": "id -un; pwd; exit 3", "ignore_errors": True, "become": True},
    {"name": "script by become", "script": "{{ script }}", "become": True},
    {"name": "end", "file": {"path": "~/copied", "state": "absent"}},
]


@pytest.mark.usefixtures("ours")
def test_a_host_behind_a_bastion_gives_the_results_of_one_that_is_not(
    sshd: Sshd, accounts: Accounts, keys: pathlib.Path, strategy: str, scratch: pathlib.Path
) -> None:
    """And has one login for all tasks, as the bastion has."""
    target = accounts.guarded
    script = scratch / "script.sh"
    script.write_text("#!/bin/sh\nid -un\necho error >&2\n", encoding="ascii")
    password = {"ansible_become_password": target.password, "to": str(scratch)}
    password["script"] = str(script)
    before = sshd.accepted(accounts.plain), sshd.accepted(target)
    ours = run_play(
        play_of(*TASKS),
        directory=scratch / "run",
        strategy=strategy,
        inventory=behind(sshd, target, keys) | password,
        others={"bastion": sshd.variables(accounts.plain)},
        extra_args=["-vvv"],
    )
    assert (scratch / "copied").read_text(encoding="utf-8") == "text"
    (scratch / "copied").unlink()
    after = sshd.accepted(accounts.plain), sshd.accepted(target)
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1], str(ours)
    assert "econtext: the stock way" not in ours.stdout
    stock = run_play(
        play_of(*TASKS),
        directory=scratch / "run",
        strategy="linear",
        inventory=sshd.variables(target) | password | {"ansible_ssh_use_tty": False},
    )
    found = [
        difference
        for one, other in zip(ours.tasks, stock.tasks, strict=True)
        for difference in differences(one.task, normalise(one.result), normalise(other.result))
    ]
    assert not found, "\n".join(found)


@pytest.mark.usefixtures("ours")
def test_the_bastion_has_one_connection_for_itself_and_what_is_behind(
    sshd: Sshd, accounts: Accounts, keys: pathlib.Path, strategy: str, scratch: pathlib.Path
) -> None:
    """So has one behind that, as a delegate too; a reset of it is of it alone."""
    names = {"near": "{{ 'bastion' }}", "far": "{{ 'near' }}"}
    others = {
        name: behind(sshd, accounts.plain, keys, via) | {"ansible_ssh_timeout": 10 + number}
        for number, (name, via) in enumerate(names.items())
    }
    before = sshd.accepted(accounts.plain)
    plays = [
        *play_of({"name": "ping", "ping": {}}, hosts="all"),
        *play_of({"name": "delegate", "ping": {}, "delegate_to": "far"}),
        *play_of({"meta": "reset_connection"}, {"name": "again", "ping": {}}, hosts="far"),
    ]
    result = run_play(
        plays,
        directory=scratch / "run",
        strategy=strategy,
        inventory=sshd.variables(accounts.plain),
        others={"bastion": sshd.variables(accounts.plain), **others},
    )
    assert result.rc == 0, str(result)
    # `target` is the bastion by another name; `far` has a second login, after its reset.
    assert [task.status for task in result.tasks] == ["ok"] * 6, str(result)
    assert sshd.accepted(accounts.plain) - before == 4, str(result)


@pytest.mark.usefixtures("ours")
def test_keys_stay_here_with_a_forwarded_agent(
    sshd: Sshd, accounts: Accounts, keys: pathlib.Path, strategy: str, scratch: pathlib.Path
) -> None:
    """The bastion names itself in a variable of all hosts, and is reached directly."""
    shutil.rmtree(keys)
    keys.mkdir()
    bastion = sshd.variables(accounts.plain)
    bastion["ansible_ssh_common_args"] += " -o ForwardAgent=yes"
    host = {**sshd.variables(accounts.guarded), "ansible_ssh_private_key_file": ""}
    host["ansible_ssh_common_args"] = "-F none -o StrictHostKeyChecking=no -o LogLevel=ERROR"
    with agent(sshd.key) as address:
        result = run_play(
            [
                {**play, "vars": {"econtext_via": "bastion"}}
                for play in play_of(*TASKS[:2], hosts="all")
            ],
            directory=scratch / "run",
            strategy=strategy,
            inventory=host,
            others={"bastion": bastion},
            env={"SSH_AUTH_SOCK": address},
        )
    assert result.rc == 0 and len(result.tasks) >= 4, str(result)


@contextlib.contextmanager
def agent(key: pathlib.Path) -> Iterator[str]:
    """The socket's path of an agent of ssh that has a key."""
    with tempfile.TemporaryDirectory(prefix="ectx-") as directory:
        address = f"{directory}/agent"
        command = ["ssh-agent", "-D", "-a", address]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                processes.until(20, lambda: os.path.exists(address), "the agent listens")
                env = {**os.environ, "SSH_AUTH_SOCK": address}
                subprocess.run(["ssh-add", "-q", str(key)], env=env, check=True, timeout=20)
                yield address
            finally:
                process.kill()


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize(
    ("via", "said"),
    [
        ("nowhere", "econtext_via: the inventory has no host 'nowhere'"),
        ("circle", "econtext_via: circle behind other behind circle has no beginning"),
        ("closed", "econtext_via: closed was not reached: ssh: connect to host 127.0.0.1"),
    ],
)
def test_a_bastion_that_cannot_be_reached_is_named(
    via: str,
    said: str,
    sshd: Sshd,
    accounts: Accounts,
    keys: pathlib.Path,
    strategy: str,
    scratch: pathlib.Path,
) -> None:
    others = {
        "circle": behind(sshd, accounts.plain, keys, "other"),
        "other": behind(sshd, accounts.plain, keys, "circle"),
        "closed": {**sshd.variables(accounts.plain), "ansible_port": 1},
    }
    result = run_play(
        play_of({"name": "ping", "ping": {}}),
        directory=scratch / "run",
        strategy=strategy,
        inventory=behind(sshd, accounts.plain, keys, via),
        others=others,
    )
    assert said in result.one("ping").result["msg"], str(result)
    expected = "unreachable" if via == "closed" else "failed"
    assert result.one("ping").status == expected, str(result)


@pytest.mark.usefixtures("ours")
def test_the_end_of_a_bastion_tells_each_task_which_one_it_was(
    sshd: Sshd, accounts: Accounts, keys: pathlib.Path, strategy: str, scratch: pathlib.Path
) -> None:
    """Of all hosts behind it."""
    flag = scratch / "begun"
    hosts = {"target": accounts.guarded, "second": accounts.with_shell["csh"]}
    behinds = {name: behind(sshd, account, keys) for name, account in hosts.items()}
    wait = f"echo >> {flag}; sleep 60"
    flag.touch(mode=0o666)
    flag.chmod(0o666)
    running = start_play(
        play_of({"name": "wait", "shell": wait}, hosts="target, second"),
        directory=scratch / "run",
        strategy=strategy,
        inventory=behinds.pop("target"),
        others={"bastion": sshd.variables(accounts.plain), **behinds},
    )
    processes.until(30, lambda: len(flag.read_text()) == 2, "both hosts are at work")
    for process in processes.of_user(accounts.plain.uid):
        if process.argv.startswith(f"sshd: {accounts.plain.name}"):
            os.kill(process.pid, 9)
    result: Result = running.wait()
    found = [task for task in result.tasks if task.task == "wait"]
    assert [task.status for task in found] == ["unreachable"] * 2, str(result)
    assert all("ssh.127.0.0.1:" in task.result["msg"] for task in found), str(result)
