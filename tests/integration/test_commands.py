"""`ansible` and `ansible-console` give the same under both strategies."""

from __future__ import annotations

import difflib
import pathlib
import re
from typing import Any, NamedTuple

import pytest

from tests.support.scale import parameters

from .accounts import Accounts
from .normalise import normalise, text
from .parity_cases import CORE
from .parity_kept import Names, compared
from .play import ANSIBLE_PLAYBOOK, Both, Result, Running, prepared
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

#: What the console is told to do as well, what is shown as a ping is, and what parity cases have.
MORE = {"ping", "become", "check", "command", "facts", "variable", "diff", "raises"}

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


class Ways(NamedTuple):
    """How one command is run both ways, each from the same state."""

    transport: Transport
    accounts: Accounts
    scratch: pathlib.Path
    remote: pathlib.Path
    strategy: str

    def both(self, program: str, arguments: list[str], stdin: str = "") -> Both:
        """Return both results, stock's as it is kept (parity_kept.py)."""

        def by(strategy: str) -> Result:
            (self.remote / "copied").unlink(missing_ok=True)
            return run(program, arguments, strategy, self.transport, self.scratch, stdin)

        def run_both(stock: Result | None) -> Both:
            return Both(stock or by("linear"), by(self.strategy))

        went_in = {"command": [program, *arguments], "stdin": stdin, "hosts": self.transport[2]}
        names = Names(self.scratch, self.accounts, self.transport)
        return compared(went_in, names, run_both, alike)


@pytest.fixture
def ways(
    sudo: Transport, accounts: Accounts, scratch: pathlib.Path, remote: pathlib.Path, strategy: str
) -> Ways:
    return Ways(sudo, accounts, scratch, remote, strategy)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", parameters(AD_HOC, AD_HOC.keys() - MORE))
def test_ansible(name: str, ways: Ways, remote: pathlib.Path) -> None:
    if name == "raises" and CORE < (2, 19):
        pytest.skip("shows a traceback, which differs (tracebacks.py); parity compares the rest")
    arguments = [each.replace("{remote}", str(remote)) for each in AD_HOC[name]]
    stock, ours = ways.both("ansible", ["target", *arguments])
    assert_shown_alike(ours, stock)
    assert tasks_of(ours) == tasks_of(stock)


@pytest.mark.timeout(600)
def test_ansible_console(ways: Ways, remote: pathlib.Path) -> None:
    lines = CONSOLE.replace("{remote}", str(remote))
    stock, ours = ways.both("ansible-console", ["all"], lines)
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


def tasks_of(result: Result) -> list[Any]:
    return [normalise(task._asdict()) for task in result.tasks]


def alike(both: Both) -> bool:
    """Whether all is the same that a test looks at."""
    stock, ours = ((shown(each), tasks_of(each)) for each in both)
    return stock == ours


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
