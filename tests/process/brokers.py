"""A real broker with real clients, for tests of what hosts and clients may do to it."""

from __future__ import annotations

import base64
import io
import os
import pathlib
import shlex
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

from ansible_econtext.client import connector, launcher, messages, route
from ansible_econtext.client.client import Client
from ansible_econtext.client.route import Hop, Route
from tests.support import processes

from . import hostile_host

ROOT = pathlib.Path(__file__).parents[2]

GOOD = [route.local_hop([sys.executable]).replace(key="good")]

#: What its command prints when it is ready, which no hostile host does.
BECOME = Hop(
    "become", "become", ["become"], "become", "", "secret", b"", False, b"marker", (b"Sorry",)
)


class RunningBroker:
    """Broker process of this test's own, started as a run starts it."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._endpoint = launcher.Endpoint(str(directory / "broker"), 60.0)
        #: A word by which the processes of its hostile hosts are found.
        self._mark = f"of-{directory.name}-{os.getpid()}"
        self._clients: list[Client] = []
        self.good = self.connect()
        self.pid = self.status().process
        self.serves_the_good_host()
        self._usual = self._size("VmRSS")
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # the peak begins anew

    def connect(self) -> Client:
        made = connector.connect(self._endpoint, os.getpid())
        self._clients.append(made)
        return made

    @property
    def socket(self) -> str:
        return os.path.join(self._endpoint.directory, "broker.sock")

    @property
    def log(self) -> str:
        return launcher.log_of(self._endpoint.directory)

    def status(self) -> messages.BrokerStatus:
        return self.good.ask(messages.Status())

    def hostile(self, behaviour: str) -> Route:
        """The route to a host with a lie or manner of `hostile_host`."""
        words = [sys.executable, hostile_host.__file__, str(ROOT), behaviour, self._mark]
        return [route.local_hop([shlex.join(words)]).replace(key=behaviour)]

    def hosts(self) -> set[processes.Process]:
        """The processes that are hostile hosts."""
        return processes.with_argument(self._mark)

    def serves_the_good_host(self) -> None:
        reply = self.good.ask(messages.Work(GOOD, [], messages.Exists("/")))
        assert reply == messages.Existence(True)

    def grown(self, size: str = "VmHWM") -> int:
        """Bytes by which its resident size has grown, or had at the most, since its start."""
        return self._size(size) - self._usual

    def _size(self, name: str) -> int:
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        [line] = [line for line in text.splitlines() if line.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024

    def stop(self) -> None:
        """End it as `ansible-econtext stop` does; nothing that it started is left then."""
        assert self.status().process == self.pid
        started = processes.family(self.pid) | self.hosts()
        stopping = connector.connect_if_running(self._endpoint.directory)
        assert stopping is not None
        stopping.end_broker()
        stopping.wait_for_end()
        stopping.close()
        processes.gone(started | self.hosts(), 5)
        assert not os.path.exists(self._endpoint.directory)

    def kill(self) -> None:
        """Close all connections, and end what a failed test has left."""
        for each in self._clients:
            each.close()
        own = processes.process(self.pid)
        processes.end(self.hosts() | ({own} if own else set()))


def running(directory: pathlib.Path) -> Iterator[RunningBroker]:
    """Give a broker, which the test is to stop."""
    broker = RunningBroker(directory)
    yield broker
    broker.kill()


def archive() -> bytes:
    """A payload that no hostile host runs."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("ansible/modules/it.py", "")
    return base64.b64encode(packed.getvalue())


def action_of(stage: str, hops: Route, directory: pathlib.Path) -> messages.Action:
    """What is asked of a host to bring it to a stage."""
    file = directory / "file"
    file.write_bytes(b"content")
    module: dict[str, Any] = {
        "name": "it",
        "identity": b"of a hostile host",
        "parameters": b"{}",
        "profile": None,
        "open_files": 1024,
        "interpreter": hops[-1].python,
        "environment": {},
        "directory": None,
        "remote_tmp": "/tmp",
        "may_run_warm": stage == "warm",
        "archive": archive(),
    }
    actions: dict[str, messages.Action] = {
        "expand": messages.Expand("~another"),
        "module": messages.Module(**module),
        "warm": messages.Module(**module),
        "program": messages.Program("it", "/bin/sh", "", "it", [], b"", None, "/tmp", "t"),
        "command": messages.Command(["true"]),
        "put": messages.Put(str(file), "/file", 0o600),
        "fetch": messages.Fetch("/file", str(file)),
    }
    return actions.get(stage, messages.Exists("/"))
