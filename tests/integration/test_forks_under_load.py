"""Many forks beside the threads of many hosts: none is left hanging on a lock."""

from __future__ import annotations

import pathlib

import pytest

from tests.support.scale import ALL

from . import own_plugins
from .own_plugins import ended, local_hosts

HOSTS = 50 if ALL else 25
#: Rounds of the tasks below: with each come a fork by the strategy, and one by a thread, per host.
ROUNDS = 2 if ALL else 1

#: What holds locks of Python and of ansible-core at any time: output, templates, imports, loops.
THREADS = [
    {"name": "shown", "debug": {"msg": "{{ inventory_hostname | upper }} {{ range(9) | list }}"}},
    {"name": "kept", "set_fact": {"kept": "{{ ['a', 'b'] | map('upper') | join }}"}},
    {"name": "loop", "debug": {"msg": "{{ item }}"}, "loop": [1, 2, 3]},
]
FORKS = [
    {"name": "forked", "debug": {"msg": "{{ kept }}"}, "timeout": 60},
    {"name": "own filter", "debug": {"msg": "{{ 'memory' | play_does }}"}},
]


@pytest.mark.timeout(600)
def test_no_fork_hangs(strategy: str, scratch: pathlib.Path) -> None:
    """One that is forked for its time limit would be ended by it; any other keeps the run."""
    every = [*THREADS, *FORKS] * ROUNDS
    running = own_plugins.start(
        [{"hosts": "all", "gather_facts": False, "tasks": every}],
        directory=scratch / "run",
        strategy={"econtext": "econtext_free"}.get(strategy, "free"),
        hosts=local_hosts(HOSTS, scratch),
        plugins=["callback_plugins/switches.py"],
        cfg={"forks": str(HOSTS)},
    )
    result = ended(running, 500 if ALL else 300)
    assert result.rc == 0, str(result)
    hosts = result.summary["hosts"]
    assert len(hosts) == HOSTS
    assert {counts["ok"] for counts in hosts.values()} == {len(every)}
    values = {one.result["msg"] for one in result.tasks if one.task == "own filter"}
    assert values == {"1"}
