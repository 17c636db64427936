"""Payloads that are built ahead are used, and make no difference but that."""

from __future__ import annotations

import json
import os
import pathlib
import signal
from typing import Any

import pytest
from ansible.release import __version__ as core

from . import processes
from .conftest import Transport
from .play import Running, play_of, start_play
from .processes import until

pytestmark = [
    pytest.mark.usefixtures("ours"),
    pytest.mark.skipif(
        tuple(map(int, core.split(".")[:2])) < (2, 19), reason="ansible-core 2.19 and later"
    ),
]

BUILT = "econtext: built ahead: "


class Run:
    """A run that copies a file first, and then needs two modules more."""

    def __init__(
        self, transport: Transport, strategy: str, scratch: pathlib.Path, **environment: str
    ) -> None:
        self.file = transport.account.home / "built-ahead"
        self._trace = scratch / "trace"
        self._stdout = scratch / "run" / "stdout"
        self.running: Running = start_play(
            play_of(
                {"name": "copy", "copy": {"content": "a line\n", "dest": str(self.file)}},
                {"name": "edit", "lineinfile": {"path": str(self.file), "line": "another"}},
                {"name": "read", "command": f"cat {self.file}"},
            ),
            directory=scratch / "run",
            strategy=strategy,
            inventory={**transport.variables, "ansible_python_interpreter": "/usr/bin/python3"},
            env={
                "PYTHONUNBUFFERED": "1",
                "ANSIBLE_ECONTEXT_TRACE": str(self._trace),
                **environment,
            },
            extra_args=["-vvv"],
        )

    def built(self) -> list[str]:
        """What has been built ahead so far."""
        lines = self._stdout.read_text().splitlines() if self._stdout.exists() else []
        return [line.partition(BUILT)[2] for line in lines if BUILT in line]

    def asked_for(self) -> list[str]:
        """The modules whose payloads the broker asked for when they were to be run."""
        trace: list[dict[str, Any]] = [
            json.loads(line) for line in self._trace.read_text().splitlines()
        ]
        return [note["name"].rpartition(".")[2] for note in trace if note["outcome"] == "need"]

    def ends(self) -> None:
        result = self.running.wait(60)
        assert result.rc == 0, str(result)
        assert result.one("edit").result["msg"] == "line added"
        assert result.one("read").result["stdout_lines"] == ["a line", "another"]


def test_the_first_tasks_payload_is_there_before_the_slave(
    ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """The login takes time enough, and that of the modules that come later is not sent yet."""
    run = Run(ssh, strategy, scratch)
    run.ends()
    assert run.built()[0] == "stat"
    assert set(run.built()) <= {"stat", "copy", "lineinfile", "command"}
    assert "stat" not in run.asked_for()
    assert run.asked_for()[-2:] == ["lineinfile", "command"]


def test_nothing_is_built_ahead_where_that_is_not_wanted(
    ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    run = Run(ssh, strategy, scratch, ANSIBLE_ECONTEXT_BUILD_AHEAD="0")
    run.ends()
    assert run.built() == []
    assert run.asked_for() == ["stat", "copy", "lineinfile", "command"]


def test_processes_are_forked_in_between(
    ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """Tasks in processes and in threads by turns: facts are gathered by a process, too."""
    file = ssh.account.home / "built-ahead-facts"
    tasks = [
        {"name": "copy", "copy": {"content": "x", "dest": str(file)}},
        {"name": "fork", "command": "echo one", "timeout": 60},
        {"name": "thread", "lineinfile": {"path": str(file), "line": "y"}},
        {"name": "fork again", "stat": {"path": str(file)}, "timeout": 60},
        {"name": "find", "find": {"paths": str(ssh.account.home)}},
    ]
    running = start_play(
        play_of(*tasks, gather_facts=True),
        directory=scratch / "run",
        strategy=strategy,
        inventory={**ssh.variables, "ansible_python_interpreter": "/usr/bin/python3"},
    )
    result = running.wait(60)
    assert result.rc == 0, str(result)
    assert [one.status for one in result.tasks] == ["ok"] * 6


def test_an_interrupt_ends_it(ssh: Transport, strategy: str, scratch: pathlib.Path) -> None:
    run = Run(ssh, strategy, scratch)
    until(30, lambda: run.built() or run.running.process.poll() is not None, "something is built")
    os.killpg(run.running.process.pid, signal.SIGINT)
    result = run.running.wait(30)
    assert "Traceback" not in str(result), str(result)
    until(10, lambda: not processes.with_environment(run.running.marker), "all processes end")
    assert list((scratch / "run" / "local").iterdir()) == []
