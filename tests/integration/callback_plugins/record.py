"""Callback plugin of the tests: every task result, one JSON document per line."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: notification
short_description: Write every task result to a file, one JSON document per line
version_added: "0.1.0"
description:
  - The file is named by the environment variable C(ECONTEXT_TEST_RECORD).
requirements:
  - enabled in the configuration
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._file = open(os.environ["ECONTEXT_TEST_RECORD"], "w", encoding="utf-8")  # noqa: SIM115

        self._play = ""

    def _line(self, line):
        # A worker is forked from this process: nothing may stay in the buffer.
        self._file.write(json.dumps(line, default=str) + "\n")
        self._file.flush()

    def v2_playbook_on_play_start(self, play):
        self._play = play.get_path()
        # What the run has said on standard error until now: the tests' one is a file.
        self._line({"began": self._play, "said": os.fstat(2).st_size})

    def v2_playbook_on_stats(self, stats):
        hosts = {host: stats.summarize(host) for host in sorted(stats.processed)}
        self._line({"summary": {"hosts": hosts, "custom": stats.custom}})

    def _write(self, status, outcome):
        # Public names came with ansible-core 2.19, the underscored ones will go some day.
        result = outcome.result if hasattr(outcome, "result") else outcome._result
        host = outcome.host if hasattr(outcome, "host") else outcome._host
        loop_variable = result.get("ansible_loop_var", "item")
        line = {
            "task": outcome.task_name,
            "host": host.get_name(),
            "item": result.get(loop_variable),
            "status": status,
            "result": result,
            "play": self._play,
        }
        self._line(line)

    def v2_runner_on_ok(self, result):
        self._write("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result):
        self._write("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self._write("unreachable", result)

    def v2_runner_item_on_ok(self, result):
        self._write("item ok", result)

    def v2_runner_item_on_failed(self, result):
        self._write("item failed", result)

    def v2_runner_item_on_skipped(self, result):
        self._write("item skipped", result)

    def v2_runner_retry(self, result):
        self._write("retry", result)
