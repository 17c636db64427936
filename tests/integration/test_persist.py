"""The broker and its slaves stay for the next run, for as long as they are told to."""

from __future__ import annotations

import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support import processes
from tests.support.accounts import NAME
from tests.support.scale import more_of_a_kind
from tests.support.sshd import Sshd

from .accounts import Accounts
from .conftest import Transport
from .play import ANSIBLE_PLAYBOOK, CHECKOUT, Result, Running, play_of, prepared

pytestmark = pytest.mark.usefixtures("ours")

#: The process of the slave: the parent of the module, which is the parent of the shell.
WHICH_SLAVE = {"name": "slave", "shell": "ps -o ppid= -p $PPID"}


class Home:
    """Runs of one user, who keeps one Ansible home and one environment."""

    def __init__(self, directory: pathlib.Path, strategy: str, transport: Transport) -> None:
        self._directory = directory
        self._strategy = strategy
        self.variables = dict(transport.variables)
        self._env = self._prepare({})
        self._marker = f"ECONTEXT_TEST_RUN={self._env['ECONTEXT_TEST_RUN']}"

    def _prepare(self, env: dict[str, str]) -> dict[str, str]:
        hosts = {"target": self.variables}
        more = {"ANSIBLE_ECONTEXT_PERSIST": "60", **env}
        return prepared(self._directory, self._strategy, hosts, env=more)

    def start(self, *tasks: dict[str, Any], **env: str) -> Running:
        playbook = self._directory / "play.json"
        playbook.write_text(json.dumps(play_of(*tasks)), encoding="utf-8")
        variables = json.dumps({"all": {"hosts": {"target": self.variables}}})
        (self._directory / "hosts.json").write_text(variables, encoding="utf-8")
        command = [str(ANSIBLE_PLAYBOOK), str(playbook)]
        (self._directory / "record").unlink(missing_ok=True)
        return Running(command, self._directory, self._env | env)

    def run(self, *tasks: dict[str, Any], **env: str) -> Result:
        return self.start(*tasks, **env).wait()

    def slave(self, **env: str) -> int:
        """The process of the slave that a run meets."""
        return slave_of(self.run(WHICH_SLAVE, **env))

    def command(self, name: str, **env: str) -> str:
        """What `ansible-econtext` says."""
        return subprocess.run(
            [sys.executable, "-m", "ansible_econtext.cli", name],
            env=self._env | {"PYTHONPATH": str(CHECKOUT)} | env,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def brokers(self) -> set[processes.Process]:
        # Root alone sees a broker's environment; its directory is an argument.
        found = processes.with_argument("ansible_econtext.broker.server")
        return {one for one in found if f" {self._directory}/" in one.argv}

    def living(self) -> set[processes.Process]:
        return processes.with_environment(self._marker) | self.brokers()


def slave_of(result: Result) -> int:
    task = result.one("slave")
    assert task.status == "ok", str(result)
    return int(task.result["stdout"])


MakeHome = Callable[[Transport], Home]


@pytest.fixture
def home_of(strategy: str, scratch: pathlib.Path) -> Iterator[MakeHome]:
    made: list[Home] = []

    def make(transport: Transport) -> Home:
        made.append(Home(scratch / f"home{len(made)}", strategy, transport))
        return made[-1]

    yield make
    for home in made:
        home.command("stop")

    def living() -> set[processes.Process]:
        return {one for home in made for one in home.living()}

    processes.until(10, lambda: not living(), "nothing lives on after `stop`")


#: One by sudo is behind one by ssh; a local one is met again by other tests.
@pytest.mark.parametrize(
    "transport",
    [
        pytest.param("ssh", marks=more_of_a_kind),
        "sudo",
        pytest.param("local", marks=more_of_a_kind),
    ],
    indirect=True,
)
def test_the_next_run_meets_the_same_slave(
    transport: Transport, home_of: MakeHome, sshd: Sshd
) -> None:
    home = home_of(transport)
    before = sshd.accepted(transport.account)
    assert home.slave() == home.slave()
    if transport.name != "local":
        assert sshd.accepted(transport.account) - before == 1


def test_another_environment_is_served_by_another_broker(
    local: Transport, home_of: MakeHome
) -> None:
    """A module on this machine sees the environment of its own run."""
    home = home_of(local)
    show = {"name": "show", "command": "printenv OF_THIS_RUN"}
    for value in ("one", "two", "one"):
        result = home.run(show, OF_THIS_RUN=value)
        assert result.one("show").result["stdout"] == value, str(result)
    assert len(home.brokers()) == 2


@more_of_a_kind  # test_other_brokers.py has the rule
def test_few_brokers_wait_for_a_run_at_a_time(local: Transport, home_of: MakeHome) -> None:
    """Of those of many environments, the ones that were used last."""
    home = home_of(local)
    slaves = [home.slave(OF_THIS_RUN=str(number)) for number in range(6)]
    processes.until(10, lambda: len(home.brokers()) == 3, "the first three end")
    assert [home.slave(OF_THIS_RUN=str(number)) for number in (3, 5)] == [slaves[3], slaves[5]]
    assert len(home.brokers()) == 3


def test_another_option_of_ssh_is_another_slave(ssh: Transport, home_of: MakeHome) -> None:
    home = home_of(ssh)
    first = home.slave()
    home.variables["ansible_ssh_extra_args"] = "-o ServerAliveInterval=77"
    assert home.slave() != first


def test_another_password_opens_nothing(sudo_password: Transport, home_of: MakeHome) -> None:
    home = home_of(sudo_password)
    right = home.variables["ansible_become_password"]
    first = home.slave()
    home.variables["ansible_become_password"] = right + "x"
    assert home.run(WHICH_SLAVE).one("slave").status == "failed"
    home.variables["ansible_become_password"] = right
    assert home.slave() == first


@more_of_a_kind  # after each test whose runs have none, test_connections.py looks in particular
def test_without_persistence_nothing_stays(ssh: Transport, home_of: MakeHome) -> None:
    home = home_of(ssh)
    assert home.slave(ANSIBLE_ECONTEXT_PERSIST="0") > 0
    processes.until(5, lambda: not home.living(), "nothing lives on")


def test_a_broker_ends_after_its_time(ssh: Transport, home_of: MakeHome) -> None:
    home = home_of(ssh)
    assert home.slave(ANSIBLE_ECONTEXT_PERSIST="0.5") > 0
    processes.until(10, lambda: not home.living(), "the broker and its slaves end")


@more_of_a_kind  # test_settings.py has each setting's wrong values, and what is said
def test_a_time_that_is_none_is_refused(local: Transport, home_of: MakeHome) -> None:
    result = home_of(local).run(WHICH_SLAVE, ANSIBLE_ECONTEXT_PERSIST="a while")
    assert result.rc != 0
    assert "ANSIBLE_ECONTEXT_PERSIST is 'a while'" in result.stdout + result.stderr


def test_no_file_stays_on_the_target_meanwhile(
    ssh: Transport, accounts: Accounts, home_of: MakeHome
) -> None:
    home = home_of(ssh)
    uid = ssh.account.uid  # a job that another test left removes its files at its end
    processes.until(60, lambda: not processes.of_user(uid), "the account has no process")
    before = sorted(ssh.account.home.rglob("*"))
    assert home.slave() > 0
    assert home.brokers()
    assert sorted(ssh.account.home.rglob("*")) == before


def test_status_and_stop(ssh: Transport, home_of: MakeHome) -> None:
    home = home_of(ssh)
    assert "No broker" in home.command("status")
    slave = home.slave()
    said = home.command("status")
    assert "waits for a run" in said
    assert f"process {slave} of {ssh.account.name}" in said
    assert "1 broker ended" in home.command("stop")
    assert not home.brokers()


@more_of_a_kind  # test_slave_pool.py has the limit
def test_a_loop_over_many_become_users(sudo: Transport, home_of: MakeHome) -> None:
    """It does not leave a slave for each of them."""
    users = [entry.pw_name for entry in pwd.getpwall() if entry.pw_uid < 1000]
    users = [name for name in users if not NAME.fullmatch(name)]
    if len(users) <= 18:
        pytest.skip("needs more accounts")
    home = home_of(sudo)
    task = {"name": "who", "command": "id -un", "become_user": "{{ item }}", "loop": users}
    items = [one for one in home.run(task).tasks if one.item is not None]
    assert [(one.item, one.result["stdout"]) for one in items] == [(name, name) for name in users]
    slaves = [line for line in home.command("status").splitlines() if ": process " in line]
    assert len(slaves) == 16


def test_reset_connection_drops_it_for_real(ssh: Transport, home_of: MakeHome) -> None:
    home = home_of(ssh)
    first = home.slave()
    result = home.run({"meta": "reset_connection"}, WHICH_SLAVE)
    assert slave_of(result) != first


def test_a_slave_that_was_killed_meanwhile(ssh: Transport, home_of: MakeHome) -> None:
    home = home_of(ssh)
    first = home.slave()
    victim = processes.process(first)
    assert victim is not None and "econtext" in victim.argv
    os.kill(first, signal.SIGKILL)
    assert home.slave() != first


def test_a_python_that_was_replaced_meanwhile(
    ssh: Transport, home_of: MakeHome, remote: pathlib.Path
) -> None:
    """As by an upgrade of the host: an old process would import modules of the new one."""
    python = remote / "python"
    shutil.copy("/usr/bin/python3", python)
    home = home_of(ssh)
    home.variables["ansible_python_interpreter"] = str(python)
    first = home.slave()
    assert home.slave() == first
    shutil.copy("/usr/bin/python3", remote / "new")
    (remote / "new").rename(python)
    second = home.slave()
    assert second != first
    assert home.slave() == second


def test_a_broker_that_was_killed_meanwhile(local: Transport, home_of: MakeHome) -> None:
    home = home_of(local)
    first = home.slave()
    (broker,) = home.brokers()
    os.kill(broker.pid, signal.SIGKILL)
    assert home.slave() != first


def test_a_home_that_was_removed_meanwhile(local: Transport, home_of: MakeHome) -> None:
    """Nobody finds the broker in it any more: the next one does not take its end for its own."""
    home = home_of(local)
    first = home.slave(ANSIBLE_ECONTEXT_PERSIST="30")
    (broker,) = home.brokers()
    subprocess.run(["rm", "-rf", home._directory / "home" / "econtext"], check=True)
    second = home.slave()
    assert second != first
    os.kill(broker.pid, signal.SIGTERM)
    processes.until(10, lambda: not processes.alive([broker]), "the first broker ends")
    assert home.slave() == second


def test_a_run_that_is_killed_leaves_the_slave_but_not_its_work(
    ssh: Transport, home_of: MakeHome
) -> None:
    home = home_of(ssh)
    first = home.slave()
    seconds = f"600.{time.time_ns() % 1000000:06}"
    running = home.start({"name": "long", "command": f"sleep {seconds}"})

    def asleep() -> set[processes.Process]:
        return {one for one in processes.with_argument(seconds) if one.argv.startswith("sleep")}

    processes.until(30, asleep, "the command runs")
    running.process.kill()
    running.process.wait()
    processes.until(10, lambda: not asleep(), "the command is ended")
    assert home.slave() == first


def test_no_warm_process_stays_for_long(ssh: Transport, home_of: MakeHome) -> None:
    """Some ran a module for several files; the one that is left waits for the next call."""
    copies = {"content": "{{ item }}", "dest": f"{ssh.account.home}/staying-{{{{ item }}}}"}
    looped = {"copy": copies, "loop": [1, 2, 3]}
    slave = slave_of(home_of(ssh).run(looped, WHICH_SLAVE))

    def children() -> set[processes.Process]:
        return {one for one in processes.processes() if one.parent == slave}

    processes.until(10, lambda: len(children()) == 1, "the others end")
    assert processes.process(slave)


def test_two_runs_at_once(ssh: Transport, home_of: MakeHome) -> None:
    """They share the slave, and neither ends it for the other."""
    home = home_of(ssh)
    first = home.slave()
    flag = f"/tmp/{home._directory.parent.name}.flag"
    wait = f"until test -e {flag}; do sleep 0.05; done"
    one = home.start({"name": "wait", "shell": wait}, {"name": "remove", "command": f"rm {flag}"})

    def waits() -> bool:
        return any(flag in one.argv and "until" in one.argv for one in processes.processes())

    processes.until(30, waits, "the first run waits")
    other = home.start(WHICH_SLAVE, {"name": "flag", "command": f"touch {flag}"})
    assert slave_of(other.wait()) == first
    assert one.wait().rc == 0


def test_a_home_with_a_long_path(
    local: Transport, home_of: MakeHome, scratch: pathlib.Path
) -> None:
    """A socket's path may have some hundred bytes; a directory's may have more."""
    long = scratch / ("long" * 30)
    long.mkdir()
    home = home_of(local)
    first = home.slave(ANSIBLE_HOME=str(long))
    assert home.slave(ANSIBLE_HOME=str(long)) == first
    assert "1 broker ended" in home.command("stop", ANSIBLE_HOME=str(long))
