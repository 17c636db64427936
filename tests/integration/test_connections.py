"""One connection per host and account, however many tasks; and none when the run is over."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

import pytest

from tests.support import processes
from tests.support.scale import more_of_a_kind, parameters
from tests.support.sshd import Sshd

from .accounts import Accounts
from .conftest import Transport
from .play import ANSIBLE_PLAYBOOK, Running, play_of, prepared, run_play, start_play


def tasks(remote: pathlib.Path) -> list[dict[str, Any]]:
    """Twenty tasks of several kinds: modules, files sent, loops."""
    directory = remote / "sub"
    some: list[dict[str, Any]] = [
        {"ping": {}},
        {"file": {"path": str(directory), "state": "directory"}},
        {"copy": {"content": "x" * 100_000, "dest": str(directory / "copied")}},
        {"command": "echo {{ item }}", "loop": [1, 2, 3]},
        {"stat": {"path": str(directory / "copied")}},
    ]
    return [{"name": f"task {n}", **some[n % len(some)]} for n in range(20)]


@more_of_a_kind  # the next but one is the same where every third task becomes the superuser
@pytest.mark.parametrize("transport", ["ssh"], indirect=True)
def test_one_connection_for_all_tasks(
    transport: Transport, sshd: Sshd, strategy: str, scratch: pathlib.Path, remote: pathlib.Path
) -> None:
    before = sshd.accepted(transport.account)
    result = run_play(
        play_of(*tasks(remote)),
        directory=scratch / "run",
        strategy=strategy,
        inventory=transport.variables,
    )
    assert result.rc == 0, str(result)
    assert sshd.accepted(transport.account) - before == 1


@pytest.mark.parametrize("transport", ["ssh"], indirect=True)
def test_no_connection_for_tasks_that_need_none(
    transport: Transport, sshd: Sshd, strategy: str, scratch: pathlib.Path
) -> None:
    before = sshd.accepted(transport.account)
    result = run_play(
        play_of(
            {"name": "say", "debug": {"var": "ansible_pipelining"}},
            {"name": "set", "set_fact": {"fact": "{{ inventory_hostname }}"}},
            {"name": "assert", "assert": {"that": ["fact == 'target'"]}},
        ),
        directory=scratch / "run",
        strategy=strategy,
        inventory=transport.variables,
    )
    assert result.one("say").result["ansible_pipelining"] is False, str(result)
    assert sshd.accepted(transport.account) == before


def test_one_connection_for_the_login_user_and_the_superuser(
    accounts: Accounts, sshd: Sshd, strategy: str, scratch: pathlib.Path, remote: pathlib.Path
) -> None:
    account = accounts.plain
    before = sshd.accepted(account)
    mixed = [{**task, "become": number % 3 == 0} for number, task in enumerate(tasks(remote))]
    result = run_play(
        play_of(*mixed),
        directory=scratch / "run",
        strategy=strategy,
        inventory=sshd.variables(account),
    )
    assert result.rc == 0, str(result)
    assert sshd.accepted(account) - before == 1


# One by sudo is behind one by ssh.
@pytest.mark.parametrize(
    "transport", parameters(("ssh", "sudo", "local"), ["sudo", "local"]), indirect=True
)
def test_nothing_lives_on_after_a_run(
    ours: None, transport: Transport, sshd: Sshd, strategy: str, scratch: pathlib.Path
) -> None:
    before = processes.processes()
    running = start_play(
        play_of({"name": "ping", "ping": {}}),
        directory=scratch / "run",
        strategy=strategy,
        inventory=transport.variables,
    )
    assert running.wait().rc == 0

    def living() -> set[processes.Process]:
        found = processes.with_environment(running.marker)
        if transport.account.is_throwaway:
            found |= processes.of_user(transport.account.uid)
        return found - before

    processes.until(5, lambda: not living(), "nothing of the run lives on")


@pytest.mark.parametrize("transport", ["local"], indirect=True)
def test_output_ends_with_the_run(
    transport: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """In `ansible-playbook ... | tee log` nothing of ours may keep the pipe open."""
    directory = scratch / "run"
    environment = prepared(directory, strategy, {"target": transport.variables})
    playbook = directory / "play.yml"
    playbook.write_text(json.dumps(play_of({"name": "ping", "ping": {}})), encoding="utf-8")
    done = subprocess.run(
        [str(ANSIBLE_PLAYBOOK), str(playbook)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ssh_finds_files_by_relative_paths(
    ssh: Transport, strategy: str, scratch: pathlib.Path, sshd: Sshd
) -> None:
    """A play's directory often holds the configuration of its ssh."""
    running = start_play(
        play_of({"name": "ping", "ping": {}}),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables | {"ansible_ssh_private_key_file": f"../{sshd.key.name}"},
    )
    (scratch / sshd.key.name).symlink_to(sshd.key)
    result = running.wait()
    assert result.one("ping").status == "ok", str(result)


@more_of_a_kind  # the pool's own test has the rule; here are the descriptors of a whole run
def test_more_hosts_than_files_may_be_open(
    accounts: Accounts, sshd: Sshd, strategy: str, scratch: pathlib.Path
) -> None:
    """Stock Ansible reaches them all: it keeps no descriptor of a host between tasks."""
    variables = sshd.variables(accounts.plain)
    options = variables["ansible_ssh_common_args"]
    hosts = {
        f"host{n}": variables | {"ansible_ssh_common_args": f"{options} -o ConnectTimeout={60 + n}"}
        for n in range(32)  # hosts, each with arguments, and so a connection, of its own
    }
    directory = scratch / "run"
    env = prepared(directory, strategy, hosts)
    playbook = directory / "play.json"
    play = play_of({"name": "each", "command": "true"}, hosts="all")
    playbook.write_text(json.dumps(play), encoding="utf-8")
    command = ["prlimit", "--nofile=80:80", str(ANSIBLE_PLAYBOOK), str(playbook)]
    result = Running(command, directory, env).wait()
    assert [task.status for task in result.tasks if task.task == "each"] == ["ok"] * len(hosts), (
        str(result)
    )
