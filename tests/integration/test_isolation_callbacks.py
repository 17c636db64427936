"""Callback plugins of users are called by those threads that stock Ansible calls them by.

One that keeps a database connection for its thread, or what it is in the middle of, would lose
what it is told of otherwise, and the run would not tell.
"""

from __future__ import annotations

import collections
import contextlib
import pathlib
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.scale import MANY_HOSTS, more_of_a_kind

from . import own_plugins
from .conftest import short_directory
from .own_plugins import COPIES, local_hosts, outcomes, told
from .play import Both

COLLECTION = "collections/ansible_collections/ectx/own/plugins/callback/kept_too.py"
LOOP = {"loop": ["a", "b", "c"]}

TASKS: list[dict[str, Any]] = [
    {"name": "in a thread", "debug": {"msg": "{{ item }}"}, "loop": list(range(7))},
    {"name": "modules", "command": "echo {{ item }}", "loop": ["a", "b"]},
    {"name": "own filter", "debug": {"msg": "{{ 'memory' | play_does }}{{ item }}"}, **LOOP},
    {"name": "forked", "debug": {"msg": "{{ item }}"}, "timeout": 60, **LOOP},
    {"name": "without a loop", "debug": {"msg": "one"}},
    {
        "name": "tried again",
        "debug": {"msg": "{{ item }}"},
        "register": "tried",
        "until": "tried.attempts | default(1) >= 2",
        "retries": 3,
        "delay": 0,
        "loop": ["a", "b"],
    },
    {"name": "skipped", "debug": {"msg": "x"}, "when": "item != 'b'", **LOOP},
    {
        "name": "failed",
        "debug": {"msg": "{{ item }}"},
        "failed_when": "item == 'b'",
        "ignore_errors": True,
        **LOOP,
    },
    {"name": "refused", "debug": {"msg": "{{ item }}"}, **LOOP},
    {"name": "last", "debug": {"msg": "end"}},
]


class Call(NamedTuple):
    """What the plugin keeps of one call."""

    method: str
    host: str
    task: str
    item: str | None
    is_main_process: bool
    is_main_thread: bool
    thread: int
    overlaps: bool
    number: int


class Kept(NamedTuple):
    """What a run's plugin has kept."""

    calls: list[Call]
    items: list[tuple[str, str, str]]

    def by_host(self) -> dict[str, list[tuple[str, str, str | None]]]:
        """What was told of each host, in that order."""
        found: dict[str, list[tuple[str, str, str | None]]] = {}
        for call in self.calls:
            found.setdefault(call.host, []).append((call.method, call.task, call.item))
        return found

    def threads(self) -> collections.Counter[tuple[str, bool, bool]]:
        """How often something was told, and whether by the main process and its main thread."""
        return collections.Counter(
            (call.method, bool(call.is_main_process), bool(call.is_main_thread))
            for call in self.calls
        )


def kept(path: pathlib.Path) -> Kept:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        calls = connection.execute("select * from calls order by rowid").fetchall()
        items = connection.execute("select * from items order by rowid").fetchall()
    return Kept([Call(*call) for call in calls], items)


class Runs(NamedTuple):
    results: Both
    directories: tuple[pathlib.Path, pathlib.Path]  # stock's, ours

    def kept(self, name: str) -> tuple[Kept, Kept]:
        """What the plugin of this name has kept in each run: stock's, ours."""
        stock, ours = (kept(each / "shared" / f"{name}.db") for each in self.directories)
        return stock, ours


@pytest.fixture(scope="module")
def directory() -> Iterator[pathlib.Path]:
    with short_directory() as path:
        yield path


HOSTS = [
    pytest.param(1, id="one host", marks=more_of_a_kind),
    pytest.param(MANY_HOSTS, id="many hosts"),
]


@pytest.fixture(scope="module", params=HOSTS)
def runs(request: pytest.FixtureRequest, directory: pathlib.Path, strategy: str) -> Runs:
    scratch = directory / str(request.param)
    both = own_plugins.run_both(
        [{"hosts": "all", "gather_facts": False, "tasks": TASKS}],
        scratch=scratch,
        strategy=strategy,
        hosts=local_hosts(request.param, scratch),
        plugins=["callback_plugins/keeps.py", "callback_plugins/refuses.py"],
        copies={**COPIES, COLLECTION: "callback_plugins/keeps.py"},
        cfg={"callbacks_enabled": "record,ectx.own.kept_too"},
    )
    return Runs(both, (scratch / "run1", scratch / "run2"))


plugins = pytest.mark.parametrize("name", ["keeps", "kept_too"])


@plugins
def test_each_host_s_calls_are_made_in_the_same_order(runs: Runs, name: str) -> None:
    stock, ours = runs.kept(name)
    assert len(stock.calls) > 40
    assert ours.by_host() == stock.by_host()


@plugins
def test_calls_are_made_by_the_same_kinds_of_threads(runs: Runs, name: str) -> None:
    stock, ours = runs.kept(name)
    assert ours.threads() == stock.threads()
    assert len({call.thread for call in stock.calls}) == 2
    assert len({call.thread for call in ours.calls}) == 2


@plugins
def test_no_call_is_made_while_another_is_under_way(runs: Runs, name: str) -> None:
    stock, ours = runs.kept(name)
    assert not [call for call in stock.calls if call.overlaps]
    assert not [call for call in ours.calls if call.overlaps]


@plugins
def test_one_connection_serves_all_items(runs: Runs, name: str) -> None:
    stock, ours = runs.kept(name)
    assert len(stock.items) > 20
    assert sorted(ours.items) == sorted(stock.items)


def test_results_and_messages_are_the_same(runs: Runs) -> None:
    """Among them that of a plugin that fails."""
    stock, ours = runs.results
    assert ours.rc == stock.rc, str(ours)
    assert outcomes(ours) == outcomes(stock)
    assert told(ours) == told(stock)
    assert "refuses" in "".join(told(stock))


def test_a_task_is_as_a_plugin_left_it_at_its_start(scratch: pathlib.Path, strategy: str) -> None:
    stock, ours = own_plugins.compare(
        [{"hosts": "all", "gather_facts": False, "tasks": [{"debug": {"msg": "unchanged"}}]}],
        scratch=scratch,
        strategy=strategy,
        hosts=local_hosts(2, scratch),
        plugins=["callback_plugins/changes.py"],
    )
    assert outcomes(ours) == outcomes(stock)
    assert "changed for host1" in str(outcomes(stock)["host1"])
