"""Notes what came of each task: a line for each result, as JSON."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: bench_results
type: aggregate
short_description: Notes the status of each task
description: Writes a line for each result to the file that BENCH_RESULTS names.
requirements:
  - enabled by the benchmark
"""


class CallbackModule(CallbackBase):
    """One line for each result, in the order in which they come."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "bench_results"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.path = os.environ["BENCH_RESULTS"]

    def note(self, status: str, result) -> None:
        """Append a line to the file."""
        found = result._result
        items = [
            [bool(item.get("changed")), bool(item.get("failed")), bool(item.get("skipped"))]
            for item in found.get("results", [])
            if isinstance(item, dict)
        ]
        line = [result._host.get_name(), result._task.get_name(), status]
        line += [bool(found.get("changed")), found.get("rc"), sorted(found), items]
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result) -> None:
        self.note("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False) -> None:
        self.note("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result) -> None:
        self.note("skipped", result)

    def v2_runner_on_unreachable(self, result) -> None:
        self.note("unreachable", result)
