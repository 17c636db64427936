"""`ansible` and `ansible-console` give the same under both strategies."""

from __future__ import annotations

import difflib
import pathlib
import re

import pytest

from tests.support.scale import parameters

from .normalise import normalise, text
from .parity_cases import CORE
from .play import ANSIBLE_PLAYBOOK, Result, Running, prepared
from .transports import Transport

AD_HOC = {
    "ping": ["-m", "ping"],
    "command": ["-a", "printf '%s\\n' out ☃"],
    "fails": ["-m", "shell", "-a", "echo out; echo err >&2; exit 3"],
    "one line": ["-m", "command", "-a", "id -un", "-o"],
    "become": ["-m", "command", "-a", "id -un", "-b"],
    "check": ["-m", "command", "-a", "id -un", "--check"],
    "diff": ["-m", "copy", "-a", "content=text dest={remote}/copied", "--diff"],
    "facts": ["-m", "setup", "-a", "filter=ansible_python"],
    "in the background": ["-m", "command", "-a", "echo later", "-B", "20", "-P", "1"],
    "variable": ["-m", "debug", "-a", "var=inventory_hostname", "-e", "a=b"],
    "raises": ["-m", "ping", "-a", "data=crash"],
    # Without a discovery of the Python, which before 2.19 fails in words of its own (warned.py).
    "unreachable": ["-m", "ping", "-e", "ansible_port=1 ansible_python_interpreter=python3"],
    "no such module": ["-m", "no_such_module"],
}

#: What the console is told to do as well, and what is shown as a ping is.
MORE = {"ping", "become", "check", "command", "facts", "variable"}

#: A line of a result in JSON, of what is measured.
MEASURED = re.compile(r' *"(start|end|delta)": ')

CONSOLE = """\
id -un
cd target
ping
command printf '%s %s' one ☃
shell echo out; exit 3
copy content=text dest={remote}/copied
slurp src={remote}/copied
become true
command id -un
become false
check true
copy content=other dest={remote}/copied
no_such_module
exit
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", parameters(AD_HOC, AD_HOC.keys() - MORE))
def test_ansible(
    name: str, sudo: Transport, scratch: pathlib.Path, remote: pathlib.Path, strategy: str
) -> None:
    if name == "raises" and CORE < (2, 19):
        pytest.skip("shows a traceback, which differs (tracebacks.py); parity compares the rest")
    arguments = [each.replace("{remote}", str(remote)) for each in AD_HOC[name]]
    both = []
    for each in ("linear", strategy):
        both.append(run("ansible", ["target", *arguments], each, sudo, scratch))
        (remote / "copied").unlink(missing_ok=True)
    stock, ours = both
    assert_shown_alike(ours, stock)
    assert [normalise(task._asdict()) for task in ours.tasks] == [
        normalise(task._asdict()) for task in stock.tasks
    ]


@pytest.mark.timeout(600)
def test_ansible_console(
    sudo: Transport, scratch: pathlib.Path, remote: pathlib.Path, strategy: str
) -> None:
    lines = CONSOLE.replace("{remote}", str(remote))
    both = []
    for each in ("linear", strategy):
        both.append(run("ansible-console", ["all"], each, sudo, scratch, lines))
        (remote / "copied").unlink()
    stock, ours = both
    assert "\N{SNOWMAN}" in stock.stdout and "root" in stock.stdout
    assert_shown_alike(ours, stock)


def run(
    program: str,
    arguments: list[str],
    strategy: str,
    transport: Transport,
    scratch: pathlib.Path,
    stdin: str = "",
) -> Result:
    hosts = {"target": transport.variables | {"ansible_become": False}}
    directory = scratch / "run"
    environment = prepared(
        directory,
        strategy,
        hosts,
        # A strategy that is not ansible-core's own is deprecated, which is known.
        cfg={"bin_ansible_callbacks": "True", "deprecation_warnings": "False"},
        # The console writes what was typed into the home.
        env={"HOME": str(directory / "home")},
    )
    command = [str(ANSIBLE_PLAYBOOK.with_name(program)), *arguments]
    return Running(command, directory, environment, stdin).wait()


def assert_shown_alike(ours: Result, stock: Result) -> None:
    found = difflib.unified_diff(shown(stock), shown(ours), "stock", "ours", lineterm="", n=1)
    different = "\n".join(found)
    assert not different, different


def shown(result: Result) -> list[str]:
    """What the user sees, without what differs between two runs that did the same."""
    lines = [f"rc={result.rc}", *result.stdout.splitlines(), "--- errors"]
    return [
        text(line) for line in [*lines, *result.stderr.splitlines()] if not MEASURED.match(line)
    ]
