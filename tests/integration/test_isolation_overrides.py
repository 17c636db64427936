"""Plugins of a play that have the names of ansible-core's are the play's, not ansible-core's."""

from __future__ import annotations

import pathlib
from typing import Any

import ansible.plugins.connection

from . import own_plugins
from .conftest import Transport
from .own_plugins import lines, local_hosts, outcomes, told
from .parity import differences
from .play import Both, play_of

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


def test_filters_tests_lookups_and_shells(strategy: str, scratch: pathlib.Path) -> None:
    """They count their calls: in a process of its own, each task begins to count anew.

    The shell is based on ansible-core's `sh`, and adds to the environment of commands.
    """
    twice = [
        {"name": f"{number} {time}", **task}
        for time in ("before", "after")
        for number, task in enumerate(CALLS)
    ]
    shell = {
        "command": "printenv ECTX_CALLS",
        "environment": {"ECTX_OTHER": "1"},
        "vars": {"ansible_shell_type": "own_sh"},
    }
    shells = [{"name": name, **shell} for name in ("shell", "again")]
    both = own_plugins.compare(
        [*play_of(*twice, hosts="host0"), *play_of(*shells, hosts="host0")],
        scratch=scratch,
        strategy=strategy,
        hosts=local_hosts(1, scratch),
        plugins=["shell_plugins/own_sh.py"],
        copies=OVERRIDES,
    )
    assert both.stock.one("0 after").result["msg"] == "one 1 two 2 x/y 3"
    assert both.stock.one("again").result["stdout"]
    assert_same(both)


def test_connections(
    ssh: Transport, local: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """Commands are told by which plugin they come, and how often it was called."""
    by_name = {transport.name: transport for transport in (ssh, local)}
    own = {"ansible_python_interpreter": "/usr/bin/python3", "ansible_pipelining": True}
    plays = [
        play_of(
            {"name": f"one by {name}", "command": "printenv ECTX_OWN"},
            {"name": "several", "command": "printenv ECTX_OWN", "loop": ["a", "b"]},
            {"name": "calls", "command": "printenv ECTX_CALLS"},
            hosts=name,
        )
        for name in by_name
    ]
    both = own_plugins.compare(
        [play for one in plays for play in one],
        scratch=scratch,
        strategy=strategy,
        hosts={name: transport.variables | own for name, transport in by_name.items()},
        cfg={"connection_plugins": str(edited_connections(scratch / "connections"))},
        reached=ssh,
        more_in=EDIT,
    )
    for name in by_name:
        assert both.stock.one(f"one by {name}").result["stdout"] == name
    assert_same(both)
