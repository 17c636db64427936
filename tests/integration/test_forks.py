"""A task that has a process of its own begins while the tasks of other hosts run.

Nothing here measures time: tasks meet each other by files, and fail when they do not meet.
"""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from tests.support.core import needs_2_19
from tests.support.scale import more_of_a_kind

from . import own_plugins
from .conftest import Transport
from .own_plugins import ended

#: Tenths of a second for which a task waits for the one of the other host.
PATIENCE = 150

#: Why a task cannot run in a thread, as its keywords.
REASONS: dict[str, dict[str, Any]] = {
    "timeout": {"timeout": 60},
    "async": {"async": 60, "poll": 1},
    "delegated": {"delegate_to": "{{ 'other_name' if 'memory' | play_does is defined }}"},
    "debugger": {"debugger": "never"},
    "own connection": {"connection": "own_local", "vars": {"ansible_connection": "own_local"}},
    "own filter": {"vars": {"end": "{{ 'memory' | play_does }}"}},
    "own lookup": {"vars": {"end": "{{ lookup('play_does', 'memory') }}"}},
    "own condition": {"when": "'memory' is play_does('1')"},
    "own loop": {"with_play_does": ["memory"]},
}

#: Strategies in which hosts do not wait for each other, by the one under test.
FREE = {"econtext": ["econtext_free", "econtext_host_pinned"]}


ORDERS = ["inventory", "reverse_inventory"]


def meet(where: str, *others: str, number: object) -> str:
    """A command that ends when those of the same number on other hosts have begun."""
    there = " && ".join(f"test -e '{number} {other}'" for other in others)
    return (
        f"cd {{{{ shared }}}}; touch '{number} {where}'; for i in $(seq {PATIENCE}); do "
        f"{there} && exit 0; sleep 0.1; done; exit 9"
    )


def on(host: str, other: str, number: object, **keywords: Any) -> dict[str, Any]:
    """A task of one host in which it meets the other one."""
    command = meet(host, other, number=number) + " # {{ end | default('') }}"
    only = [f"inventory_hostname == '{host}'"]
    only += [keywords.pop("when")] if "when" in keywords else []
    return {"name": f"{number} on {host}", "shell": command, "when": only, **keywords}


@pytest.fixture
def hosts(scratch: pathlib.Path) -> dict[str, dict[str, Any]]:
    (one,) = own_plugins.local_hosts(1, scratch).values()
    return {"first": dict(one), "second": dict(one)}


def free(strategy: str) -> list[str]:
    return FREE.get(strategy, ["free", "host_pinned"])


@pytest.mark.parametrize(
    "which",
    [pytest.param(0, id="free"), pytest.param(1, id="host_pinned", marks=more_of_a_kind)],
)
def test_hosts_do_not_wait_for_each_other(
    which: int, hosts: dict[str, dict[str, Any]], strategy: str, scratch: pathlib.Path
) -> None:
    """Whatever the reason for which the second one's tasks are forked."""
    reasons = REASONS if which == 0 else {name: REASONS[name] for name in ("timeout", "own filter")}
    tasks = []
    for reason, keywords in reasons.items():
        tasks += [on("first", "second", reason), on("second", "first", reason, **keywords)]
    play = [{"hosts": "first:second", "gather_facts": False, "tasks": tasks}]
    running = own_plugins.start(
        play,
        directory=scratch / "run",
        strategy=free(strategy)[which],
        hosts={**hosts, "other_name": hosts["first"]},
        plugins=["connection_plugins/own_local.py"],
    )
    result = ended(running)
    assert not [one.task for one in result.tasks if "failed" in one.status], str(result)
    assert result.rc == 0, str(result)


@pytest.mark.parametrize("reason", [None, "delegated"])
def test_a_host_that_does_not_answer_stops_no_other(
    hosts: dict[str, dict[str, Any]], strategy: str, scratch: pathlib.Path, reason: str | None
) -> None:
    """It answers only when the other one has done several tasks, some of them forked."""
    wait = "for i in $(seq 300); do test -e {{ shared }}/go && exit 0; sleep 0.1; done; exit 9"
    second = [
        {"command": "true"},
        {"command": "true", "timeout": 60},
        {"debug": {"msg": "{{ 'memory' | play_does }}"}},
        {"command": "true"},
        {"command": "touch {{ shared }}/go", "timeout": 60},
    ]
    tasks = [
        {"name": "silent", "shell": wait, "when": "inventory_hostname == 'first'"}
        | (REASONS[reason] if reason else {}),
        *({**task, "when": "inventory_hostname == 'second'"} for task in second),
    ]
    play = [{"hosts": "first:second", "gather_facts": False, "tasks": tasks}]
    running = own_plugins.start(
        play,
        directory=scratch / "run",
        strategy=free(strategy)[0],
        hosts={**hosts, "other_name": hosts["first"]},
    )
    result = ended(running)
    assert result.rc == 0, str(result)


def test_hosts_of_one_task_run_at_once(
    ssh: Transport, hosts: dict[str, dict[str, Any]], strategy: str, scratch: pathlib.Path
) -> None:
    """Under the linear strategy: some hosts' task runs in a thread, that of others is forked."""
    become = {"ansible_become": True, "ansible_become_method": "own_become"}
    python = {"ansible_python_interpreter": "/usr/bin/python3"}
    every = {
        "by_ssh": ssh.variables | python,
        "own_connection": hosts["first"] | {"ansible_connection": "own_local"},
        "own_filter": hosts["first"] | {"end": "{{ 'memory' | play_does }}"},
        "own_become": hosts["first"] | become,
        "by_local": hosts["first"],
    }
    command = meet("{{ inventory_hostname }}", *every, number="{{ number }}")
    task = {"name": "meet", "shell": command + " # {{ end | default('') }}"}
    play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
    running = own_plugins.start(
        [play | {"vars": {"number": order}, "order": order} for order in ORDERS],
        directory=scratch / "run",
        strategy=strategy,
        hosts=every,
        plugins=["connection_plugins/own_local.py", "become_plugins/own_become.py"],
    )
    result = ended(running)
    assert result.rc == 0, str(result)
    assert len(result.tasks) == len(ORDERS) * len(every), str(result)


#: A message with the number of the process that fills it in.
PROCESS = {"msg": "{{ hostvars[other].shared is string }} {{ lookup('file', '/proc/self/stat') }}"}


@needs_2_19
@pytest.mark.parametrize("cache", ["memory", "own_cache"])
def test_variables_of_another_host_are_read_in_a_thread(
    hosts: dict[str, dict[str, Any]], strategy: str, scratch: pathlib.Path, cache: str
) -> None:
    """Of a delegate too; but not where their facts are kept by a plugin of the user's."""
    tasks = [
        {"name": "read", "debug": PROCESS},
        {"name": "delegated", "debug": PROCESS, "delegate_to": "{{ other }}"},
    ]
    play = {"hosts": "first", "gather_facts": False, "vars": {"other": "second"}, "tasks": tasks}
    running = own_plugins.start(
        [play],
        directory=scratch / "run",
        strategy=strategy,
        hosts=hosts,
        plugins=["cache_plugins/own_cache.py"],
        cfg={"fact_caching": cache, "cache_plugins": str(scratch / "run" / "cache_plugins")},
    )
    result = ended(running)
    assert result.rc == 0, str(result)
    found = [one.result["msg"].split()[:2] for one in result.tasks]
    process = str(running.process.pid)
    assert [said for said, _ in found] == ["True", "True"]
    if cache == "memory":
        assert [each for _, each in found] == [process, process]
    else:
        assert process not in [each for _, each in found]
