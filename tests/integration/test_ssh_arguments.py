"""ssh as the user set it: master connections opened by hand, and terminals asked for."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import sshd as sshd_module
from tests.support.accounts import Account
from tests.support.processes import until
from tests.support.scale import more_of_a_kind, parameters
from tests.support.sshd import Sshd

from .conftest import Transport
from .play import Result, play_of, run_play

PING = {"name": "ping", "ping": {}}
COMMAND = {"name": "command", "command": "echo text"}
TIMEOUT = pytest.mark.timeout(120)

#: Ways to set the path of a connection that a run opens.
LEAVING = ("arguments", "arguments with ControlPersist", "option", "file")


class Master:
    """A server of which the account has a connection, and cannot have a second one."""

    def __init__(self, sshd: Sshd, account: Account, path: pathlib.Path) -> None:
        self.sshd = sshd
        self.account = account
        self.path = path
        arguments = sshd.variables(account)["ansible_ssh_common_args"].split()
        place = ["-p", str(sshd.port), "-i", str(sshd.key), "-S", str(path)]
        self.ssh = ["ssh", *arguments, *place, f"{account.name}@127.0.0.1"]

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        process = subprocess.Popen([*self.ssh[:-1], "-M", "-N", self.ssh[-1]])
        try:
            until(20, self.is_open, "the master connection is open")
            (self.sshd.directory / "authorized_keys").write_text("")
            yield
        finally:
            process.kill()  # one that is told to end may still wait for what uses it
            process.wait(20)

    def is_open(self) -> bool:
        check = [*self.ssh[:-1], "-O", "check", self.ssh[-1]]
        ran = subprocess.run(check, stderr=subprocess.DEVNULL, timeout=20)
        return ran.returncode == 0

    def variables(self, way: str, directory: pathlib.Path) -> dict[str, Any]:
        """Host variables that name the path in one of the ways that there are."""
        usual = self.sshd.variables(self.account)
        if way == "arguments":
            return usual | {"ansible_ssh_args": f"-o ControlPath={self.path}"}
        if way == "arguments with ControlPersist":
            arguments = f"-o ControlMaster=auto -o ControlPersist=60 -o ControlPath={self.path}"
            return usual | {"ansible_ssh_args": arguments}
        if way == "flag":
            return usual | {"ansible_ssh_extra_args": f"-S {self.path}", "ansible_ssh_args": "-C"}
        if way == "option":
            return usual | {"ansible_control_path": str(self.path)}
        assert way == "file"
        file = directory / "ssh_config"
        file.write_text(f"Host *\n  ControlPath {self.path}\n  ControlMaster auto\n")
        arguments = usual["ansible_ssh_common_args"].replace("-F none", f"-F {file}")
        return usual | {"ansible_ssh_common_args": arguments, "ansible_ssh_args": "-C"}


@pytest.fixture
def master(sshd: Sshd, login: Account, scratch: pathlib.Path) -> Iterator[Master]:
    """A server of the test's own; `sshd` is there for its conditions."""
    directory = scratch / "sshd"
    directory.mkdir()
    with sshd_module.running_sshd(directory, "Subsystem sftp internal-sftp\n") as own:
        yield Master(own, login, scratch / "cm")


def run(master: Master, way: str, strategy: str, scratch: pathlib.Path) -> Result:
    variables = master.variables(way, scratch) | {"ansible_ssh_use_tty": False}
    if not master.account.is_throwaway:
        variables["ansible_remote_tmp"] = str(scratch / "remote_tmp")
    return run_play(
        play_of(PING, COMMAND), directory=scratch / "run", strategy=strategy, inventory=variables
    )


@TIMEOUT
@pytest.mark.parametrize("way", ["arguments", "flag", "option", "file"])
# Stock Ansible does so too, which is what the test of ours is worth.
@pytest.mark.parametrize("kind", parameters(("strategy", "stock"), ["strategy"]))
def test_a_master_connection_opened_by_hand_is_used(
    master: Master, way: str, kind: str, strategy: str, scratch: pathlib.Path
) -> None:
    """No second login would be let in."""
    with master.open():
        result = run(master, way, "linear" if kind == "stock" else strategy, scratch)
        assert result.one("command").result.get("stdout") == "text", str(result)
        assert master.sshd.accepted(master.account) == 1
        assert master.is_open()


@TIMEOUT
@pytest.mark.parametrize("way", parameters(LEAVING, ["arguments with ControlPersist", "file"]))
def test_no_master_connection_is_left(
    ours: None, master: Master, way: str, strategy: str, scratch: pathlib.Path
) -> None:
    """Where none was opened, a connection of the run's own does."""
    result = run(master, way, strategy, scratch)
    assert result.one("command").result.get("stdout") == "text", str(result)
    assert master.sshd.accepted(master.account) == 1
    assert not master.path.exists()


@TIMEOUT
@pytest.mark.parametrize(
    "variables",
    [
        # parity's options/ssh_options has this one and the last as arguments of its own, too
        pytest.param({"ansible_ssh_args": "-tt"}, marks=more_of_a_kind),
        {"ansible_ssh_args": "-t -t -M"},
        {"ansible_ssh_extra_args": "-Cqtt"},
        pytest.param({"ansible_ssh_extra_args": "-oRequestTTY=force"}, marks=more_of_a_kind),
    ],
    ids=str,
)
def test_a_terminal_that_is_asked_for_does_no_harm(
    ours: None, ssh: Transport, variables: dict[str, str], strategy: str, scratch: pathlib.Path
) -> None:
    result = run_play(
        play_of(PING, COMMAND),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables | variables,
    )
    assert result.one("command").result.get("stdout") == "text", str(result)


@TIMEOUT
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("-E {scratch}/log -vvv", marks=more_of_a_kind),
        pytest.param("-o LogLevel=DEBUG3", marks=more_of_a_kind),
        '-o PermitLocalCommand=yes -o LocalCommand="echo said; echo said >&2"',
        pytest.param("-o SendEnv=NOTHING -o ServerAliveInterval=5 -q", marks=more_of_a_kind),
        pytest.param("-o StdinNull=no -o ForkAfterAuthentication=no", marks=more_of_a_kind),
    ],
)
def test_what_ssh_says_or_does_besides_does_no_harm(
    ours: None, ssh: Transport, arguments: str, strategy: str, scratch: pathlib.Path
) -> None:
    """Its log, and a command of the controller's that it runs when it is connected."""
    result = run_play(
        play_of(PING, COMMAND),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables | {"ansible_ssh_extra_args": arguments.format(scratch=scratch)},
    )
    assert result.one("command").result.get("stdout") == "text", str(result)


@TIMEOUT
def test_a_wrapper_as_the_program_of_ssh(
    ours: None, ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """It may say something, and has ssh's arguments."""
    wrapper, log = scratch / "my ssh", scratch / "called"
    wrapper.write_text(f'#!/bin/sh\necho once >>{log}\necho said\nexec ssh "$@"\n', "ascii")
    wrapper.chmod(0o755)
    result = run_play(
        play_of(PING, COMMAND),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables | {"ansible_ssh_executable": str(wrapper)},
    )
    assert result.one("command").result.get("stdout") == "text", str(result)
    assert log.read_text(encoding="ascii").split() == ["once"]


@TIMEOUT
def test_a_command_of_ssh_s_configuration_is_an_error_of_ssh_s(
    ours: None, ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    result = run_play(
        play_of(PING),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables | {"ansible_ssh_extra_args": "-o RemoteCommand=id"},
    )
    assert result.one("ping").status == "unreachable", str(result)
    assert "Cannot execute command-line and remote command." in result.one("ping").result["msg"]
