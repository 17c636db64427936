"""A task reads variables, files and plugins as a fresh fork of ansible-playbook would."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from .own_plugins import COPIES, compare, local_hosts, outcomes
from .parity import differences

#: Seconds that the first host's items take, in which the second one has done the task.
WHILE = "test {{ inventory_hostname }} = host1 || sleep 0.7"

PLAYS: dict[str, list[dict[str, Any]]] = {
    # Of other hosts, what was known when the task began.
    "items": [
        {"shell": WHILE + "; echo {{ hostvars.host1.r is defined }}", "register": "r"}
        | {"loop": [1, 2, 3]},
        {"shell": WHILE + "; exit 1", "register": "u", "until": "hostvars.host1.u is defined"}
        | {"retries": 2, "delay": 0, "failed_when": False},
        {"set_fact": {"seen": "{{ hostvars.host1.q is defined }}"}, "register": "q"}
        | {"loop": [1, 2], "loop_control": {"pause": "{{ pause }}"}},
    ],
    # Of files, what they hold now.
    "files": [
        *(
            task
            for value in ("one", "two")
            for task in (
                {
                    "copy": {"content": f"v: {value}\n", "dest": "{{ own }}/host_vars/host9.yml"},
                    "run_once": True,
                },
                {"debug": {"msg": "{{ hostvars.host9.v }}"}},
                {"command": "echo {{ hostvars.host9.v }}"},
                {"command": "echo", "delegate_to": "host9", "register": "delegated"},
            )
        ),
    ],
    # A plugin that came since its directory was looked through.
    "plugins": [
        {"debug": {"msg": "{{ lookup('env', 'HOME') }}"}},
        {
            "copy": {
                "content": "from ansible.plugins.lookup import LookupBase\n\n\n"
                "class LookupModule(LookupBase):\n"
                "    def run(self, terms, variables=None, **kwargs):\n"
                "        return ['new']\n",
                "dest": "{{ own }}/lookup_plugins/new_one.py",
            },
        },
        {"debug": {"msg": "{{ lookup('new_one') }}"}},
    ],
}


@pytest.mark.parametrize("name", PLAYS)
def test_what_a_task_reads(scratch: pathlib.Path, strategy: str, name: str) -> None:
    play = {
        "hosts": "host0:host1" if name == "items" else "host0",
        "gather_facts": False,
        "vars": {
            "own": "{{ playbook_dir }}",
            "pause": "{{ 0.7 if inventory_hostname == 'host0' else 0 }}",
        },
        "tasks": PLAYS[name],
    }
    hosts = {**local_hosts(2, scratch), "host9": local_hosts(1, scratch)["host0"]}
    copies = {**COPIES, "host_vars/host9.yml": "host_vars.yml"}
    both = compare([play], scratch=scratch, strategy=strategy, hosts=hosts, copies=copies)
    found = differences("results", outcomes(both.ours), outcomes(both.stock))
    assert not found, "\n".join(found)
    assert both.ours.rc == both.stock.rc == 0, str(both.ours)
