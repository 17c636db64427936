"""Limits that sudo sets to a command, or its end: they are for a task, not for a slave."""

from __future__ import annotations

import base64
import os
import pathlib
import signal

import pytest

from tests.support import accounts as support
from tests.support import processes
from tests.support.scale import parameters

from .conftest import Transport
from .play import Play, Result, play_of, run_play
from .test_persist import MakeHome, home_of  # noqa: F401

#: Sets `sudo` to the number of the sudo that the script runs under.
FIND = """
sudo=$$
until [ "$(cat /proc/$sudo/comm)" = sudo ]; do
    sudo=$(ps -o ppid= -p $sudo | tr -d ' ')
    [ "$sudo" -gt 1 ] || exit 9
done
"""

#: Ends that sudo, or waits until its time is up; goes on when it has gone.
OUTLIVE = FIND + "{end}\nwhile kill -0 $sudo 2>/dev/null; do sleep 0.05; done; echo $sudo outlived"

#: How sudo ends in the middle of a task: its Defaults, and the command that ends it.
ENDS = {
    "its time is up": ("command_timeout=1", ""),
    "killed": ("use_pty", "kill -KILL $sudo"),
    "terminated": ("use_pty", "setsid kill -TERM $sudo"),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_task_outlives_its_sudo(
    sudo: Transport, scratch: pathlib.Path, strategy: str, how: str
) -> None:
    """As under stock Ansible with pipelining: sudo ends a shell between it and the module."""
    defaults, end = ENDS[how]
    under, outlive = {"shell": FIND + "echo $sudo"}, OUTLIVE.format(end=end)
    play = play_of(
        {"name": "before", **under},
        {"name": "outlives", "shell": outlive},
        {"name": "after", **under},
        {"name": "looped", "shell": "{{ item }}", "loop": [outlive, *[under["shell"]] * 3]},
    )
    with support.sudo_defaults(sudo.account, defaults):
        result = run(play, sudo, scratch, strategy)
    assert result.rc == 0, str(result)
    ended, _, rest = result.one("outlives").result["stdout"].partition(" ")
    assert rest == "outlived"
    assert result.one("after").result["stdout"] != ended, str(result)
    items = [task.result["stdout"] for task in result.tasks if task.task == "looped" and task.item]
    assert len(items) == 4, str(result)
    assert not {item.split()[0] for item in items[:1]} & set(items[1:]), str(result)


@pytest.mark.usefixtures("ours")
def test_a_slave_that_ends_with_its_sudo(
    sudo: Transport, scratch: pathlib.Path, strategy: str
) -> None:
    """A sudo that logs takes the slave's input and output with it: the next tasks share none."""
    names = [f"after {number}" for number in range(3)]
    play = play_of(
        {"name": "lost", "shell": OUTLIVE.format(end="")},
        *({"name": name, "shell": FIND + "echo $sudo"} for name in names),
        ignore_unreachable=True,
    )
    defaults = f"command_timeout=1, log_output, iolog_dir={scratch}/logged"
    with support.sudo_defaults(sudo.account, defaults):
        result = run(play, sudo, scratch, strategy)
    lost = result.one("lost")
    assert lost.status == "unreachable" and "Hangup" in lost.result["msg"], str(result)
    assert len({result.one(name).result["stdout"] for name in names}) == 3, str(result)


def run(play: Play, transport: Transport, scratch: pathlib.Path, strategy: str) -> Result:
    inventory = {**transport.variables, "ansible_pipelining": True}
    return run_play(play, directory=scratch / "run", strategy=strategy, inventory=inventory)


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("number", parameters([signal.SIGKILL, signal.SIGTERM], [signal.SIGKILL]))
def test_a_sudo_that_ends_between_two_tasks(
    sudo: Transport,
    home_of: MakeHome,  # noqa: F811
    number: signal.Signals,
) -> None:
    home = home_of(sudo)
    first = home.slave()
    found = processes.process(first)
    while found and not found.argv.startswith("sudo "):
        found = processes.process(found.parent)
    assert found
    os.kill(found.pid, number)
    assert home.slave() != first


@pytest.mark.parametrize(
    "defaults", parameters(["use_pty", "log_input, log_output"], ["log_input, log_output"])
)
def test_what_sudo_logs_passes_unchanged(
    sudo: Transport, scratch: pathlib.Path, remote: pathlib.Path, strategy: str, defaults: str
) -> None:
    data = bytes(range(256)) * 2000
    (scratch / "binary").write_bytes(data)
    play = play_of(
        {"name": "up", "copy": {"src": str(scratch / "binary"), "dest": str(remote / "binary")}},
        {"name": "down", "slurp": {"src": str(remote / "binary")}},
    )
    with support.sudo_defaults(sudo.account, f"{defaults}, iolog_dir={scratch}/logged"):
        result = run(play, sudo, scratch, strategy)
    assert result.rc == 0, str(result)
    assert (remote / "binary").read_bytes() == data
    assert base64.b64decode(result.one("down").result["content"]) == data


@pytest.mark.parametrize(
    ("transport", "defaults"),
    parameters(
        [("sudo", "requiretty"), ("sudo_password", "requiretty, use_pty")],
        [("sudo_password", "requiretty, use_pty")],
    ),
    indirect=["transport"],
)
def test_a_sudo_that_must_have_a_terminal(
    transport: Transport, scratch: pathlib.Path, remote: pathlib.Path, strategy: str, defaults: str
) -> None:
    """As under stock Ansible without pipelining, which gives each command a terminal."""
    who = {"shell": "id -un"}
    play = play_of(
        {"name": "before", **who},
        {"name": "file", "copy": {"content": "\r\n\x04\x7f", "dest": str(remote / "file")}},
        {"meta": "reset_connection"},
        {"name": "after", **who},
    )
    with support.sudo_defaults(transport.account, defaults):
        result = run_play(
            play, directory=scratch / "run", strategy=strategy, inventory=transport.variables
        )
    assert result.rc == 0, str(result)
    assert [result.one(name).result["stdout"] for name in ("before", "after")] == ["root"] * 2
    assert (remote / "file").read_bytes() == b"\r\n\x04\x7f"
