"""What the user reads when a host cannot be reached or a task cannot be run."""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.scale import more_of_a_kind, parameters
from tests.support.sshd import Sshd

from .accounts import Accounts
from .conftest import Transport
from .play import Result, TaskResult, play_of, run_play

PING = {"name": "ping", "ping": {}}


class Runner:
    """Runs plays on one host under the strategy under test, and under stock Ansible."""

    def __init__(self, directory: pathlib.Path, strategy: str) -> None:
        self._directory = directory
        self._strategy = strategy

    def ours(self, variables: dict[str, Any], *tasks: dict[str, Any]) -> Result:
        return self._run(self._strategy, variables, *tasks)

    def stock(self, variables: dict[str, Any], *tasks: dict[str, Any]) -> Result:
        return self._run("linear", variables, *tasks)

    def _run(self, strategy: str, variables: dict[str, Any], *tasks: dict[str, Any]) -> Result:
        return run_play(
            play_of(*tasks), directory=self._directory, strategy=strategy, inventory=variables
        )


@pytest.fixture
def runner(scratch: pathlib.Path, strategy: str) -> Runner:
    return Runner(scratch / "run", strategy)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is ours, so nobody else listens on it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def words(one: TaskResult) -> str:
    """What the task says about its failure, which is never a traceback of ours."""
    said = "\n".join(str(one.result.get(key, "")) for key in ("msg", "module_stderr"))
    assert "Traceback" not in said
    return said


@more_of_a_kind  # the next one is the same, and tries again
def test_port_on_which_nobody_listens(ssh: Transport, runner: Runner, closed_port: int) -> None:
    result = runner.ours(ssh.variables | {"ansible_port": closed_port}, PING)
    ping = result.one("ping")
    assert ping.status == "unreachable", str(result)
    assert f"port {closed_port}: Connection refused" in words(ping)
    assert result.rc == 4


def test_as_many_attempts_as_the_options_say(
    ours: None, ssh: Transport, scratch: pathlib.Path, strategy: str, closed_port: int
) -> None:
    result = run_play(
        play_of(PING),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables | {"ansible_port": closed_port, "ansible_ssh_retries": 2},
        extra_args=["-vvv"],
    )
    ping = result.one("ping")
    assert ping.status == "unreachable", str(result)
    assert f"port {closed_port}: Connection refused" in words(ping)
    assert result.rc == 4
    assert "attempt 2 to connect failed" in result.stdout
    assert "attempt 3" not in result.stdout


def test_key_that_is_refused(ssh: Transport, sshd: Sshd, runner: Runner) -> None:
    wrong = {"ansible_ssh_private_key_file": str(sshd.wrong_key)}
    result = runner.ours(ssh.variables | wrong, PING)
    ping = result.one("ping")
    assert ping.status == "unreachable", str(result)
    assert "Permission denied (publickey)" in words(ping)


def test_host_key_that_is_not_known(
    ssh: Transport, sshd: Sshd, runner: Runner, scratch: pathlib.Path
) -> None:
    options = ssh.variables["ansible_ssh_common_args"]
    nobody = options.replace(str(sshd.known_hosts), str(scratch / "no_known_hosts"))
    assert nobody != options
    result = runner.ours(ssh.variables | {"ansible_ssh_common_args": nobody}, PING)
    ping = result.one("ping")
    assert ping.status == "unreachable", str(result)
    assert "Host key verification failed" in words(ping)


# The others are in parity's interpreter/missing, and the same here.
@pytest.mark.parametrize("transport", parameters(("ssh", "sudo", "local"), ["sudo"]), indirect=True)
def test_interpreter_that_does_not_exist(transport: Transport, runner: Runner) -> None:
    wrong = {"ansible_python_interpreter": "/no/such/python"}
    result = runner.ours(transport.variables | wrong, PING)
    ping = result.one("ping")
    assert ping.status == "failed", str(result)
    # The name is in stock's message or in the shell's own words, depending on the version.
    said = words(ping) + str(ping.result.get("module_stdout", ""))
    assert "/no/such/python" in said
    assert "interpreter" in said


def test_account_without_python(accounts: Accounts, sshd: Sshd, runner: Runner) -> None:
    variables = sshd.variables(accounts.bare)
    raw = {"name": "raw", "raw": "echo from $0; exit 3", "ignore_errors": True}
    result = runner.ours(variables, raw, PING)
    assert result.one("raw").status == "ignored", str(result)
    assert result.one("raw").result["rc"] == 3
    assert "from sh" in result.one("raw").result["stdout"]
    ping = result.one("ping")
    assert ping.status == "failed", str(result)
    assert "interpreter" in words(ping)
    assert len(ping.result["msg"].splitlines()) <= 3


@more_of_a_kind  # parity's become/wrong_password has both, and goes on with the right one
@pytest.mark.parametrize(
    ("password", "message"),
    [("not the password", "Incorrect sudo password"), (None, "Missing sudo password")],
    ids=["wrong", "missing"],
)
def test_sudo_password(
    accounts: Accounts, sshd: Sshd, runner: Runner, password: str | None, message: str
) -> None:
    variables = sshd.variables(accounts.guarded) | {"ansible_become": True}
    if password:
        variables["ansible_become_password"] = password
    ours = runner.ours(variables, PING)
    stock = runner.stock(variables, PING)
    assert message in words(ours.one("ping")), str(ours)
    assert ours.one("ping").status == stock.one("ping").status
    assert ours.one("ping").result["msg"] == stock.one("ping").result["msg"]
    assert ours.rc == stock.rc


@more_of_a_kind  # parity's become/no_such_user compares all of it
def test_become_user_that_does_not_exist(sudo: Transport, runner: Runner) -> None:
    variables = sudo.variables | {"ansible_become_user": "nobody-of-that-name"}
    ours = runner.ours(variables, PING)
    stock = runner.stock(variables, PING)
    assert ours.one("ping").status == stock.one("ping").status, str(ours)
    assert "nobody-of-that-name" in str(ours.one("ping").result)


def test_play_goes_on_after_an_unreachable_host(
    ssh: Transport, runner: Runner, closed_port: int
) -> None:
    """A task that is delegated to an unreachable host fails alone."""
    away = {
        "name": "away",
        "ping": {},
        "delegate_to": "elsewhere",
        "ignore_unreachable": True,
        "vars": {"ansible_host": "127.0.0.1", "ansible_port": closed_port},
    }
    add = {"name": "add", "add_host": {"name": "elsewhere", "ansible_connection": "ssh"}}
    result = runner.ours(ssh.variables, add, away, PING)
    assert result.one("away").status == "unreachable", str(result)
    assert result.one("ping").status == "ok", str(result)
