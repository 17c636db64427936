"""Processes that a module leaves running: on purpose, or as its task is interrupted."""

from __future__ import annotations

import os
import pathlib
import signal

import pytest

from tests.support import processes
from tests.support.processes import Process, until
from tests.support.scale import parameters

from .conftest import Transport
from .parity_cases import DIRECTORY
from .test_persist import MakeHome, home_of  # noqa: F401

pytestmark = pytest.mark.usefixtures("ours")


def child(path: pathlib.Path) -> Process:
    """The process that the module acts.py has left, when it has said who it is."""
    file = path.with_suffix(".pid")
    text = until(30, lambda: file.exists() and file.read_text(), f"{file} is there")
    assert isinstance(text, str)
    found = processes.process(int(text))
    assert found is not None
    return found


def acts(act: str, path: pathlib.Path) -> dict[str, object]:
    return {"name": act, "acts": {"act": act, "path": str(path)}}


@pytest.fixture
def library() -> dict[str, str]:
    return {"ANSIBLE_LIBRARY": str(DIRECTORY / "modules" / "library")}


@pytest.mark.parametrize("transport", parameters(("sudo", "ssh", "local"), {"sudo"}), indirect=True)
def test_a_child_stays_after_the_run_and_its_broker(
    transport: Transport,
    remote: pathlib.Path,
    library: dict[str, str],
    home_of: MakeHome,  # noqa: F811
) -> None:
    home = home_of(transport)
    path = remote / "child"
    assert home.run(acts("child", path), **library).one("child").status == "ok"
    left = child(path)
    slaves = {one for one in processes.processes() if " econtext" in one.argv}
    home.command("stop")
    until(10, lambda: not home.brokers(), "the broker ends")
    assert processes.alive([left]), slaves
    path.with_suffix(".go").touch()
    processes.gone({left})
    assert path.read_text() == "by the child\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["INT", "KILL"])
def test_a_child_ends_with_an_interrupted_task(
    ssh: Transport,
    remote: pathlib.Path,
    library: dict[str, str],
    home_of: MakeHome,  # noqa: F811
    number: signal.Signals,
) -> None:
    path = remote / "child"
    running = home_of(ssh).start(acts("child_beside_it", path), **library)
    left = child(path)
    os.kill(running.process.pid, number)
    running.wait(30)
    processes.gone({left}, 10)
    assert not path.exists()
