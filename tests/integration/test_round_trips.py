"""How often a task waits for the target: what a slow network multiplies.

The broker's trace tells how many round trips each slave has cost so far.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tests.support.core import HAS_THREADS
from tests.support.scale import more_of_a_kind, parameters

from .accounts import Accounts
from .conftest import Transport
from .parity_cases import DIRECTORY
from .play import play_of, run_play

pytestmark = pytest.mark.usefixtures("ours")

#: Modules that are no Python: the first two want files, which the third does not.
PROGRAMS = ("want_json", "old_style", "json_args_shell")


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
        env={
            "ANSIBLE_ECONTEXT_TRACE": str(path),
            "ANSIBLE_ECONTEXT_STAYING": "60",  # however slow the machine is
        },
        cfg={"library": str(DIRECTORY / "modules" / "library")},
    )
    assert result.rc == 0, str(result)
    return [json.loads(line) for line in path.read_text().splitlines()]


def totals(trace: list[dict[str, Any]], module: str) -> list[int]:
    """The round trips so far, at the end of each run of a module."""
    names = (f"ansible.modules.{module}", module)
    return [
        sum(note["round_trips"].values())
        for note in trace
        if note["name"] in names and note["reply"] == "Ended"
    ]


def test_ping_costs_one(ssh: Transport, strategy: str, scratch: pathlib.Path) -> None:
    trace = trace_of([{"ping": {}}] * 4, ssh, strategy, scratch)
    assert totals(trace, "ping") == [1, 2, 3, 4]


# A template is a file that is copied.
@pytest.mark.parametrize("action", ["copy", pytest.param("template", marks=more_of_a_kind)])
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


def test_the_superusers_changed_file_costs_three(
    sudo: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """The look at what is there, the login account's file, and the module that installs it."""
    home = sudo.account.home
    tasks = [
        {"copy": {"content": f"version {number}\n", "dest": str(home / "rounds-sudo")}}
        for number in range(3)
    ]
    first, second, third = totals(trace_of(tasks, sudo, strategy, scratch), "copy")
    assert second - first == third - second == 3


def test_the_superusers_unchanged_file_costs_two(
    sudo: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """No temporary directory is made, as neither module would look at it."""
    copy = {"copy": {"content": "the same\n", "dest": str(sudo.account.home / "rounds-root")}}
    trace = trace_of([copy, copy, copy], sudo, strategy, scratch)
    second, third = totals(trace, "file")
    assert third - second == 2
    assert [note["action"] for note in trace[-2:]] == ["Module", "Module"]


@pytest.mark.parametrize("threads", ["1", "0"])
def test_a_tree_has_a_warm_process(
    ssh: Transport,
    strategy: str,
    scratch: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    threads: str,
) -> None:
    """One for the looks at its files and one for the copies, from the second file on; and they
    stay for the next task."""
    monkeypatch.setenv("ANSIBLE_ECONTEXT_THREADS", threads)
    (scratch / "tree").mkdir()
    for number in range(4):
        (scratch / "tree" / str(number)).write_text(f"{number}\n")
    task = {"copy": {"src": f"{scratch}/tree/", "dest": f"{ssh.account.home}/rounds-tree{threads}"}}
    notes = [
        (note["name"].rpartition(".")[2], note["was_warm"])
        for note in trace_of([task, {"stat": {"path": "/"}}, {"ping": {}}], ssh, strategy, scratch)
        if note["reply"] == "Ended"
    ]
    tree = [(name, number > 0) for number in range(4) for name in ("stat", "copy")]
    assert notes == [*tree, ("stat", True), ("ping", False)]


def test_the_items_of_a_loop_have_a_warm_process(
    ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """Of a loop in a pipeline, the first one too: what is in a loop comes again."""
    task = {"command": "echo {{ item }}", "loop": list(range(4))}
    trace = trace_of([task], ssh, strategy, scratch)
    notes = [note["was_warm"] for note in trace if note["reply"] == "Ended"]
    assert notes == [HAS_THREADS, True, True, True]


@pytest.mark.parametrize("module", parameters(PROGRAMS, ["want_json", "json_args_shell"]))
def test_a_program_costs_one(
    ssh: Transport, strategy: str, scratch: pathlib.Path, module: str
) -> None:
    """A module that is no Python, whether it wants files or not."""
    trace = trace_of([{module: {"value": "one"}}] * 3, ssh, strategy, scratch)
    name = "/bin/sh" if module == "json_args_shell" else f"AnsiballZ_{module}.sh"
    assert totals(trace, name) == [1, 2, 3]


@pytest.mark.parametrize("user", parameters(("root", "another"), ["another"]))
def test_a_program_through_become_costs_one(
    sudo: Transport, accounts: Accounts, strategy: str, scratch: pathlib.Path, user: str
) -> None:
    """None of its files is the login user's, whom the other user need not be able to read."""
    become_user = accounts.guarded.name if user == "another" else user
    task = {"want_json": {"value": "one"}, "become_user": become_user}
    totals_of = totals(trace_of([task] * 3, sudo, strategy, scratch), "AnsiballZ_want_json.sh")
    assert [total - totals_of[0] for total in totals_of] == [0, 1, 2]


def test_a_program_with_an_environment_of_python_costs_one(
    ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """It starts a Python of its own."""
    task = {"command": "id", "environment": {"PYTHONPATH": "/nowhere"}}
    assert totals(trace_of([task] * 3, ssh, strategy, scratch), "/usr/bin/python3") == [1, 2, 3]
