"""A fetch that is broken off leaves on the controller what was there before."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import signal
import threading

import pytest

from tests.support import processes
from tests.support.processes import until
from tests.support.scale import parameters

from .conftest import Transport
from .play import play_of, start_play

#: The action of ansible-core refuses to fetch a pipe, which the test fills as it wants.
ACTION = """\
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        self._connection.fetch_file(self._task.args["src"], self._task.args["dest"])
        return {"changed": True}
"""


#: Each end by each transport, with a file that is there and without.
ALWAYS = {
    ("ssh", "call", True),
    ("ssh", "run", False),
    ("local", "call", False),
    ("local", "run", True),
}


COMBINATIONS = itertools.product(("ssh", "local"), ("call", "run"), (True, False))


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("transport", "ended", "is_there"), parameters(COMBINATIONS, ALWAYS), indirect=["transport"]
)
def test_a_fetch_that_is_broken_off_leaves_nothing_half_written(
    ours: None,
    transport: Transport,
    ended: str,
    is_there: bool,
    strategy: str,
    scratch: pathlib.Path,
    remote: pathlib.Path,
) -> None:
    pipe, local = remote / "pipe", scratch / "local"
    os.mkfifo(pipe)
    os.chown(pipe, transport.account.uid, transport.account.gid)
    local.mkdir()
    if is_there:
        (local / "file").write_text("old")
    (scratch / "plugins").mkdir()
    (scratch / "plugins" / "by_hand.py").write_text(ACTION)
    arguments = {"src": str(pipe), "dest": str(local / "file")}
    running = start_play(
        play_of({"name": "ping", "ping": {}}, {"name": "fetch", "by_hand": arguments}),
        directory=scratch / "run",
        strategy=strategy,
        inventory=transport.variables,
        env={"ANSIBLE_ACTION_PLUGINS": str(scratch / "plugins")},
    )
    over = threading.Event()
    writer = threading.Thread(target=fill, args=(pipe, over), daemon=True)
    writer.start()

    def parts() -> list[pathlib.Path]:
        return [part for part in local.iterdir() if part.name != "file"]

    try:
        until(60, lambda: any(part.stat().st_size for part in parts()), "a part has come")
        if ended == "call":
            for reader in readers(pipe):
                os.kill(reader, signal.SIGKILL)
            result = running.wait(60)
            assert result.one("fetch").status in ("failed", "unreachable"), str(result)
        else:
            running.process.kill()
            running.process.wait(20)
            for worker in processes.with_environment(running.marker):
                if "ansible-playbook" in worker.argv:
                    os.kill(worker.pid, signal.SIGKILL)
            until(10, lambda: not parts(), "the part file is removed")
    finally:
        over.set()
        running.process.kill()
        running.process.wait(20)
        writer.join(20)
    assert not parts()
    assert [path.read_text() for path in local.iterdir()] == ["old"] * is_there


def fill(pipe: pathlib.Path, over: threading.Event) -> None:
    """Write what the first pieces are made of, and no end."""
    with contextlib.suppress(BrokenPipeError), open(pipe, "wb", buffering=0) as file:
        file.write(b"x" * 2_000_000)
        over.wait(60)


def readers(pipe: pathlib.Path) -> set[int]:
    """The numbers of the other processes that have the pipe open."""
    found = set()
    for one in processes.processes():
        with contextlib.suppress(OSError):
            files = pathlib.Path("/proc", str(one.pid), "fd").iterdir()
            if str(pipe) in map(os.readlink, files):
                found.add(one.pid)
    return found - {os.getpid()}
