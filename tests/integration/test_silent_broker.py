"""A broker that is stopped keeps no run waiting, neither its own nor a later one."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Iterator

import pytest

from tests.support import processes

from .conftest import Transport
from .play import CHECKOUT, Result
from .test_persist import WHICH_SLAVE, Home, MakeHome, home_of, slave_of  # noqa: F401

pytestmark = pytest.mark.usefixtures("ours")

#: Has each interpreter of a run wait for a broker for a second and no longer.
LIMIT = f"""
import sys
sys.path.append({str(CHECKOUT)!r})
from ansible_econtext.client import client
client.ANSWER = 1.0
"""


@pytest.fixture
def home(ssh: Transport, home_of: MakeHome, scratch: pathlib.Path) -> Home:  # noqa: F811
    made = home_of(ssh)
    directory = scratch / "limit"
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(LIMIT, encoding="utf-8")
    made._env["PYTHONPATH"] = str(directory)
    return made


@contextlib.contextmanager
def stopped(home: Home) -> Iterator[int]:
    (broker,) = home.brokers()
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        yield broker.pid
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def said(result: Result) -> str:
    return " ".join((result.stdout + result.stderr).split())


def test_a_later_run_has_a_broker_of_its_own(home: Home) -> None:
    first = home.slave()
    with stopped(home) as broker:
        result = home.run(WHICH_SLAVE)
        assert slave_of(result) != first
        assert f"the broker, process {broker}, does not answer; `kill -9 {broker}`" in said(result)
        assert "This run has a broker of its own." in said(result)
        assert len(home.brokers()) == 1  # the other one has ended with its run
    assert home.slave() == first


def test_a_task_under_way_is_told(home: Home) -> None:
    seconds = f"600.{time.time_ns() % 1000000:06}"
    running = home.start({"name": "long", "command": f"sleep {seconds}"})
    processes.until(30, lambda: processes.with_argument(seconds), "the command runs")
    with stopped(home) as broker:
        result = running.wait(60)
        long = result.one("long")
        assert long.status == "unreachable", str(result)
        assert f"process {broker}, does not answer" in long.result["msg"], str(result)
    processes.until(20, lambda: not processes.with_argument(seconds), "the command is ended")


def test_without_the_strategy_each_task_is_told(home: Home) -> None:
    """Each worker would wait for the broker, before it could go to another one."""
    shadow = {"ANSIBLE_STRATEGY": "linear", "ANSIBLE_CONNECTION_PLUGINS": SHADOW}
    first = home.slave(**shadow)
    with stopped(home) as broker:
        result = home.run(WHICH_SLAVE, **shadow)
        task = result.one("slave")
        assert task.status == "unreachable", str(result)
        assert f"process {broker}, does not answer" in task.result["msg"], str(result)
    assert home.slave(**shadow) == first


SHADOW = str(CHECKOUT / "plugins" / "shadow")
