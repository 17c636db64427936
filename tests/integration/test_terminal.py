"""With `econtext_terminal` modules have what stock Ansible without pipelining gives them.

The same cases run without it in the parity test, where both ways have pipelining.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.scale import parameters

from .conftest import Transport
from .normalise import normalise
from .parity import begun, check
from .parity_cases import Case, all_cases
from .parity_runs import Runs, Way
from .play import play_of, run_play
from .test_parity import by_transports

CASES = [each for case in all_cases() if case.area == "terminal" for each in by_transports(case)]


@pytest.fixture(scope="module")
def way(strategy: str, ours: None) -> Way:
    return Way(strategy, variables={"econtext_terminal": True})


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, way: Way) -> Iterator[Runs]:
    stock = Way("linear", variables={"ansible_pipelining": False})
    with begun(request, (stock, way)) as made:
        yield made


@pytest.mark.timeout(1500)  # the first one of a group waits for the others
@pytest.mark.parametrize(("case", "by"), CASES)
def test_terminals_are_those_of_stock_ansible(
    case: Case, by: str, way: Way, runs: Runs, request: pytest.FixtureRequest
) -> None:
    check(case, by, way, runs, request)


#: Modules of a user's own, by the names of their files.
LIBRARY = {
    "opens.py": """#!/usr/bin/python
import os
import sys

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={"fails": {"type": "bool"}})
    terminal = os.open("/dev/tty", os.O_RDWR)
    os.write(terminal, b"to the terminal\\n")
    print("to the output")
    sys.stderr.write("to the errors\\n")
    if module.params["fails"]:
        sys.exit(3)
    in_front = os.tcgetpgrp(terminal) == os.getpgrp()
    same = len(set(os.ttyname(fd) for fd in (0, 1, 2)))
    kind = os.environ.get("TERM")
    module.exit_json(in_front=in_front, same=same, kind=kind, lines=sys.stdout.line_buffering)


main()
""",
    "says.sh": """#!/bin/sh
# WANT_JSON
echo to the errors >&2
test -t 0 && test -t 1 && test -t 2 && echo "{\\"changed\\": false, \\"kind\\": \\"$TERM\\"}"
""",
}
TASKS = [
    {"opens": {}, "loop": [1, 2, 3]},
    {"says": {"value": 1}},
    {"opens": {"fails": True}, "ignore_errors": True},
]


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("transport", parameters(["ssh", "sudo"], ["sudo"]), indirect=True)
def test_own_modules_find_what_they_find_under_stock_ansible(
    transport: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    library = scratch / "library"
    library.mkdir()
    for name, text in LIBRARY.items():
        (library / name).write_text(text, encoding="utf-8")

    def results(strategy: str, **variables: bool) -> list[dict[str, Any]]:
        result = run_play(
            play_of(*TASKS),
            directory=scratch / "run",
            strategy=strategy,
            inventory={**transport.variables, **variables},
            cfg={"library": str(library)},
            env={"TERM": "xterm"},
        )
        assert result.rc == 0, str(result)
        return [normalise(task.result) for task in result.tasks]

    stock, ours = results("linear"), results(strategy, econtext_terminal=True)
    said = [each[-1].pop("module_stderr") for each in (stock, ours)]
    assert ours == stock
    assert ours[-1]["module_stdout"].startswith("to the terminal\r\nto the output\r\nto the errors")
    assert "Shared connection" in said[0] and said[1] == ""  # ssh's own words
