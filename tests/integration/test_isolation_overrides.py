"""Plugins of a play that have the names of ansible-core's are the play's, not ansible-core's."""

from __future__ import annotations

import pathlib
from typing import Any

import ansible.plugins.connection
import pytest

from . import own_plugins
from .conftest import Transport
from .own_plugins import Both, lines, local_hosts, outcomes, told
from .parity import differences

OVERRIDES = {
    name: f"overrides/{name}"
    for name in (
        "filter_plugins/overriding.py",
        "test_plugins/overriding.py",
        "lookup_plugins/items.py",
        "lookup_plugins/dict.py",
    )
}

#: What is added to a copy of a connection plugin.
EDIT = """

_calls = []
_exec_command = Connection.exec_command


def exec_command(self, cmd, in_data=None, sudoable=True):
    _calls.append(cmd)
    told = f"ECTX_OWN={__name__.split('.')[-1]} ECTX_CALLS={len(_calls)}"
    return _exec_command(self, f"export {told}; {cmd}", in_data, sudoable)


Connection.exec_command = exec_command
"""


def edited_connections(directory: pathlib.Path) -> pathlib.Path:
    """A directory with copies of ansible-core's plugins that were edited by their user."""
    directory.mkdir()
    for name in ("ssh", "local"):
        source = pathlib.Path(ansible.plugins.connection.__path__[0], f"{name}.py")
        (directory / f"{name}.py").write_text(source.read_text("utf-8") + EDIT, "utf-8")
    return directory


CALLS: list[dict[str, Any]] = [
    {"debug": {"msg": "{{ 'one' | combine({}) }} {{ 'two' | upper }} {{ 'x/y' | basename }}"}},
    {"debug": {"msg": "{{ ['three'] | map('b64encode') | list }}"}},
    {"debug": {"msg": "{{ {'a': 1} | ansible.builtin.combine({'b': 2}) }}"}},
    {"debug": {"msg": "{{ [1] is subset([1]) }}"}},
    {"debug": {"msg": "{{ 4 is divisibleby(2) }}"}},
    {"debug": {"msg": "{{ lookup('items', 'a', 'b') }} {{ query('dict', 'c') }}"}},
    {"debug": {"msg": "{{ item }}"}, "with_items": ["a", "b"]},
    {"command": "echo {{ item }} {{ 'x' | upper }}", "with_items": ["a", "b"]},
    {"debug": {"msg": "shown"}, "when": "4 is divisibleby(2)"},
]


def assert_same(both: Both) -> None:
    found = differences("results", outcomes(both.ours), outcomes(both.stock))
    assert not found, "\n".join(found)
    assert lines(both.ours) == lines(both.stock)
    assert told(both.ours) == told(both.stock)
    assert both.ours.rc == both.stock.rc == 0, str(both.ours)


def test_filters_tests_and_lookups(strategy: str, scratch: pathlib.Path) -> None:
    """They count their calls: in a process of its own, each task begins to count anew."""
    twice = [
        {"name": f"{number} {time}", **task}
        for time in ("before", "after")
        for number, task in enumerate(CALLS)
    ]
    both = own_plugins.run_both(
        [{"hosts": "all", "gather_facts": False, "tasks": twice}],
        scratch=scratch,
        strategy=strategy,
        hosts=local_hosts(1, scratch),
        copies=OVERRIDES,
    )
    assert both.stock.one("0 after").result["msg"] == "one 1 two 2 x/y 3"
    assert_same(both)


@pytest.mark.parametrize("transport", ["ssh", "local"], indirect=True)
def test_connections(transport: Transport, strategy: str, scratch: pathlib.Path) -> None:
    """Commands are told by which plugin they come, and how often it was called."""
    python = {"ansible_python_interpreter": "/usr/bin/python3"}
    tasks = [
        {"name": "one", "command": "printenv ECTX_OWN"},
        {"name": "several", "command": "printenv ECTX_OWN", "loop": ["a", "b"]},
        {"name": "calls", "command": "printenv ECTX_CALLS"},
    ]
    both = own_plugins.run_both(
        [{"hosts": "all", "gather_facts": False, "tasks": tasks}],
        scratch=scratch,
        strategy=strategy,
        hosts={"target": transport.variables | python | {"ansible_pipelining": True}},
        cfg={"connection_plugins": str(edited_connections(scratch / "connections"))},
    )
    assert both.stock.one("one").result["stdout"] == transport.name
    assert_same(both)


def test_a_shell(strategy: str, scratch: pathlib.Path) -> None:
    """Based on ansible-core's `sh`, it adds to the environment of commands."""
    task = {
        "name": "shell",
        "command": "printenv ECTX_CALLS",
        "environment": {"ECTX_OTHER": "1"},
        "vars": {"ansible_shell_type": "own_sh"},
    }
    both = own_plugins.run_both(
        [{"hosts": "all", "gather_facts": False, "tasks": [task, {**task, "name": "again"}]}],
        scratch=scratch,
        strategy=strategy,
        hosts=local_hosts(1, scratch),
        plugins=["shell_plugins/own_sh.py"],
    )
    assert both.stock.one("again").result["stdout"]
    assert_same(both)
