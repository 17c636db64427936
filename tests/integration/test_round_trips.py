"""How often a task waits for the target: what a slow network multiplies.

The broker's trace tells how many round trips each slave has cost so far.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from .conftest import Transport
from .play import play_of, run_play

pytestmark = pytest.mark.usefixtures("ours")


def trace_of(
    tasks: list[dict[str, Any]], transport: Transport, strategy: str, scratch: pathlib.Path
) -> list[dict[str, Any]]:
    """The notes of the broker: one for each request, in their order."""
    path = scratch / "trace"
    result = run_play(
        play_of(*tasks),
        directory=scratch / "run",
        strategy=strategy,
        inventory={**transport.variables, "ansible_python_interpreter": "/usr/bin/python3"},
        env={"ANSIBLE_ECONTEXT_TRACE": str(path)},
    )
    assert result.rc == 0, str(result)
    return [json.loads(line) for line in path.read_text().splitlines()]


def totals(trace: list[dict[str, Any]], module: str) -> list[int]:
    """The round trips so far, at the end of each run of a module."""
    return [
        sum(note["round_trips"].values())
        for note in trace
        if note["name"] == f"ansible.modules.{module}" and note["outcome"] == "status"
    ]


def test_ping_costs_one(ssh: Transport, strategy: str, scratch: pathlib.Path) -> None:
    trace = trace_of([{"ping": {}}] * 4, ssh, strategy, scratch)
    assert totals(trace, "ping") == [1, 2, 3, 4]


@pytest.mark.parametrize("action", ["copy", "template"])
def test_a_changed_small_file_costs_two(
    ssh: Transport, strategy: str, scratch: pathlib.Path, action: str
) -> None:
    home = ssh.account.home
    tasks: list[dict[str, Any]] = []
    for number in range(3):
        source = scratch / f"source{number}"
        source.write_text(f"version {number}\n")
        tasks.append({action: {"src": str(source), "dest": str(home / f"rounds-{action}")}})
    trace = trace_of(tasks, ssh, strategy, scratch)
    assert totals(trace, "copy") == [2, 4, 6]


def test_an_unchanged_file_costs_two(ssh: Transport, strategy: str, scratch: pathlib.Path) -> None:
    copy = {"copy": {"content": "the same\n", "dest": str(ssh.account.home / "rounds-same")}}
    trace = trace_of([copy, copy, copy], ssh, strategy, scratch)
    assert totals(trace, "file") == [4, 6]


def test_the_superusers_file_costs_no_more_than_four(
    sudo: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """A turn from the login user's files to the other user's module costs one each."""
    home = sudo.account.home
    tasks = [
        {"copy": {"content": f"version {number}\n", "dest": str(home / "rounds-sudo")}}
        for number in range(3)
    ]
    first, second, third = totals(trace_of(tasks, sudo, strategy, scratch), "copy")
    assert second - first == third - second <= 4
