"""What a slave will need follows the bundle, before the slave has said a word."""

from __future__ import annotations

import pathlib
import shlex
from collections.abc import Callable, Iterator

import pytest

from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.client.messages import NotReached
from ansible_econtext.client.route import Hop
from econtext.boot import bundle
from econtext.controller.launch import Launch, Starting
from econtext.controller.prompts import Dialogue
from econtext.target import wire
from econtext.target.loop import Loop

from . import waiting


class Ground:
    """A loop, and a command in place of a slave, which keeps what it is sent."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.loop = Loop()
        self.received = directory / "received"
        self.gate = directory / "gate"
        self.ended: list[object] = []

    def start(self, marker: bytes = b"") -> Starting:
        """With a marker it says that when the gate is there, as sudo after its password."""
        received, gate = shlex.quote(str(self.received)), shlex.quote(str(self.gate))
        # It ends by itself, should nobody be left to open the gate.
        look = f"until [ -e {gate} ] || [ $n -ge 1200 ]; do sleep 0.05; n=$((n+1)); done"
        wait = f"n=0; {look}; echo {marker.decode()};"
        script = (wait if marker else "") + f"cat > {received}"
        plan = Launch("test", ("/bin/sh", "-c", script), Dialogue(marker=marker))
        return Starting(self.loop, plan, None, self.ended.append)

    def run_until(self, done: Callable[[], object]) -> None:
        waiting.run_until(self.loop, done)

    def messages(self) -> list[tuple[int, int, bytes]]:
        """What came behind the bundle."""
        data = self.received.read_bytes() if self.received.exists() else b""
        whole = bundle.bundle()
        assert data[: len(whole)] == whole[: len(data)]
        return wire.Reader(wire.DOWNWARD).feed(data[len(whole) :])


@pytest.fixture
def ground(tmp_path: pathlib.Path) -> Iterator[Ground]:
    made = Ground(tmp_path)
    yield made
    made.loop.close()


def test_it_follows_the_bundle(ground: Ground) -> None:
    starting = ground.start()
    starting.send_ahead(lambda link: link.send(wire.PING, 7, b"ahead"))
    ground.run_until(ground.messages)
    assert ground.messages() == [(wire.PING, 7, b"ahead")]
    assert ground.ended == []
    starting.close()
    ground.run_until(lambda: ground.ended)


def test_it_waits_for_the_bundle(ground: Ground) -> None:
    """sudo would take it for the password."""
    starting, called = ground.start(marker=b"ready"), []
    starting.send_ahead(lambda link: called.append(link))
    starting.send_ahead(lambda link: link.send(wire.PING, 7, b"ahead"))
    ground.loop.call_later(0.05, lambda: None)
    ground.loop.run_once()
    assert called == []
    ground.gate.touch()
    ground.run_until(ground.messages)
    assert len(called) == 1 and ground.messages() == [(wire.PING, 7, b"ahead")]
    starting.close()
    ground.run_until(lambda: ground.ended)


def test_slaves_of_slaves_too() -> None:
    """It is asked for while the first one is on its way; nothing is kept of it afterwards."""
    loop = Loop()
    slaves = SlavePool(loop)
    found: list[object] = []
    ahead: list[str] = []

    def hop(kind: str, script: str) -> Hop:
        return Hop(kind, kind, ["/bin/sh", "-c", script], key=script, python="")

    route = [hop("local", "exit 3"), hop("python", "true")]
    slaves.find(route, found.append)
    slaves.send_ahead(route[:1], lambda link: ahead.append(link.name))
    slaves.send_ahead(route, lambda link: ahead.append("never"))
    slaves.send_ahead([hop("local", "true")], lambda link: ahead.append("never"))
    waiting.run_until(loop, lambda: found)
    assert isinstance(found[0], NotReached)
    assert ahead == ["local"] and slaves._ahead == {}
    loop.close()
