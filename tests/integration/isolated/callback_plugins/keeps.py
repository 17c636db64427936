"""A callback plugin that keeps what it is told of in a database, by a connection for each thread.

The file is copied to where it is to be found, and the database is called like the file.  Of each
call it keeps what it was about, the process and thread that made it, and whether another call
was under way.  What is told of items is kept once more, by one connection that is made when the
first of them comes: sqlite3 refuses any other thread.
"""

from __future__ import annotations

import os
import pathlib
import sqlite3
import threading
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: keeps
type: notification
short_description: Keep what is told of tasks in a database
description:
  - The directory is named by the environment variable C(ECONTEXT_TEST_SHARED).
author: econtext contributors
version_added: "0.1.0"
"""

NAME = pathlib.Path(__file__).stem
FILE = pathlib.Path(os.environ["ECONTEXT_TEST_SHARED"]) / f"{NAME}.db"
COLUMNS = "method, host, task, item, is_main_process, is_main_thread, thread, overlaps, number"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = NAME

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._pid = os.getpid()
        self._local = threading.local()
        self._items = None
        self._under_way = 0
        with sqlite3.connect(FILE) as connection:
            connection.execute(f"create table calls ({COLUMNS})")
            connection.execute("create table items (host, task, item)")
        connection.close()

    def _keep(self, method, host, task, item=None):
        self._under_way += 1
        overlaps = self._under_way > 1
        time.sleep(0.001)
        if not hasattr(self._local, "connection"):
            self._local.connection = sqlite3.connect(FILE, isolation_level=None, timeout=60)
            self._local.number = 0
        self._local.number += 1
        row = (
            method,
            host,
            task,
            item,
            os.getpid() == self._pid,
            threading.current_thread() is threading.main_thread(),
            threading.get_ident(),
            overlaps,
            self._local.number,
        )
        self._local.connection.execute(f"insert into calls values ({','.join('?' * 9)})", row)
        self._under_way -= 1

    def _keep_result(self, method, outcome):
        result = outcome.result if hasattr(outcome, "result") else outcome._result
        host = outcome.host if hasattr(outcome, "host") else outcome._host
        item = str(result.get("item")) if "item" in result else None
        self._keep(method, host.get_name(), outcome.task_name, item)
        if "item" in method:
            if self._items is None:
                self._items = sqlite3.connect(FILE, isolation_level=None, timeout=60)
            row = (host.get_name(), outcome.task_name, item)
            self._items.execute("insert into items values (?, ?, ?)", row)

    def v2_runner_on_start(self, host, task):
        self._keep("start", host.get_name(), task.get_name())

    def v2_runner_on_ok(self, result):
        self._keep_result("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._keep_result("failed", result)

    def v2_runner_on_skipped(self, result):
        self._keep_result("skipped", result)

    def v2_runner_retry(self, result):
        self._keep_result("retry", result)

    def v2_runner_item_on_ok(self, result):
        self._keep_result("item ok", result)

    def v2_runner_item_on_failed(self, result):
        self._keep_result("item failed", result)

    def v2_runner_item_on_skipped(self, result):
        self._keep_result("item skipped", result)
