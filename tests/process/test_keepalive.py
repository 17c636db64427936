"""Neither end of a connection outlives the other for long, though nothing tells it of the end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from econtext import ConnectionLost
from econtext.boot import bundle, first_stage
from econtext.controller import keepalive
from econtext.target import codec, wire
from tests.support import processes

from . import waiting
from .target import ending

SECONDS = 10


@pytest.fixture
def impatient_bundle(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The bundle of a slave that looks often whether its controller was heard of."""
    usual: Callable[[str], str] = bundle._source

    def source(name: str) -> str:
        text = usual(name)
        changed = text.replace("\n_LOOK = 100\n", "\n_LOOK = 0.05\n")
        assert (changed != text) == (name == "slave")
        return changed

    monkeypatch.setattr(bundle, "_source", source)
    return bundle.bundle.__wrapped__()


def test_a_slave_that_hears_nothing_ends(python: str, impatient_bundle: bytes) -> None:
    """Its call and its command too: nothing comes, and its input stays open."""
    call = {"module": "signal", "function": "pause", "arguments": (), "keywords": {}}
    call |= {"offered": (), "log_level": None}
    frames = wire.frame(wire.CALL, 1, codec.encode(call))
    frames += wire.frame(wire.OPEN, 2, codec.encode({"argv": ["cat"], "terminal": False}))
    with subprocess.Popen(
        ["/bin/sh", "-c", first_stage.command([python])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as slave:
        waiting.to_be_ended(slave.pid)
        assert slave.stdin is not None and slave.stdout is not None
        slave.stdin.write(impatient_bundle + frames)
        slave.stdin.flush()
        said = slave.stdout.read()
        assert slave.wait(30) == 0
    messages = wire.Reader(wire.UPWARD).feed(said.partition(wire.MAGIC)[2])
    ends = {number: codec.decode(body) for kind, number, body in messages if kind == wire.EXIT}
    assert ends == {1: -signal.SIGTERM, 2: 0}


@pytest.mark.parametrize("is_below", [False, True], ids=["first", "below another"])
def test_a_slave_that_says_nothing_is_given_up(
    router, python, tmp_path, monkeypatch, is_below
) -> None:
    """One that was stopped, as a host that hangs."""
    monkeypatch.setattr(keepalive, "PAUSE", 0.02)
    monkeypatch.setattr(keepalive, "LOOKS", 1 << 30)
    context = parent = router.local(python)
    if is_below:
        context = parent.local(python)
    future = context.start(ending.hang, str(tmp_path / "pids"))
    waiting.announced(tmp_path / "pids")
    family = processes.family(context.greeting["pid"])
    os.kill(context.greeting["pid"], signal.SIGSTOP)
    monkeypatch.setattr(keepalive, "LOOKS", 3)
    error = future.exception(SECONDS)
    assert isinstance(error, ConnectionLost) and "silent" in str(error)
    processes.gone(family, SECONDS)


def test_a_slave_answers_while_a_call_blocks(router, python, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(keepalive, "PAUSE", 0.02)
    context = router.local(python).local(python)
    answered: list[int] = []
    usual = context._link.ping
    monkeypatch.setattr(context._link, "ping", lambda _: usual(lambda: answered.append(1)))
    future = context.start(ending.wait_for_file, str(tmp_path / "pids"), str(tmp_path / "go"))
    waiting.announced(tmp_path / "pids")
    before = len(answered)
    processes.until(20, lambda: len(answered) > before + 3, "pings are answered")
    assert not future.done()
    (tmp_path / "go").touch()
    assert future.result(30) > 0
