"""Leaves the outcome of each parity case in a file, one JSON document per line.

The file is named by the environment variable ECONTEXT_TEST_RESULTS; scripts/compatibility reads
it. Other tests leave nothing.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Generator

import pytest
from ansible.release import __version__ as core

from .parity_runs import Pair
from .play import TaskResult

FILE = os.environ.get("ECONTEXT_TEST_RESULTS")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    given = item.callspec.params if hasattr(item, "callspec") else {}
    is_end = report.when == "call" or report.outcome == "skipped"
    # A test for which there is no way here has no transport either.
    if FILE and is_end and isinstance(given.get("by"), str):
        line = {
            "core": core,
            "controller_python": platform.python_version(),
            "target_python": dict(item.user_properties).get("target_python", ""),
            "area": given["case"].area,
            "kind": given.get("kind", ""),
            "case": given["case"].name,
            "transport": given["by"],
            "way": given.get("way", "econtext"),
            "outcome": report.outcome,
        }
        with open(FILE, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    return report


def target_python(pair: Pair) -> str:
    """The version of the interpreter that ran the modules of the runs' host."""
    path = pair.python or next(filter(None, map(_discovered, pair.stock.tasks)), "")
    if not path:
        return ""
    look = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(look, capture_output=True, text=True, timeout=30).stdout.strip()


def _discovered(task: TaskResult) -> str:
    facts = task.result.get("ansible_facts")
    return facts.get("discovered_interpreter_python", "") if isinstance(facts, dict) else ""
