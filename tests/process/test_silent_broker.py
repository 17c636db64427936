"""No client waits for ever: of a broker that is stopped, at whatever it is, an error tells."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_econtext.broker import calls, file_transfer
from ansible_econtext.broker.handlers import FetchHandler, PutHandler
from ansible_econtext.broker.payload_store import PayloadStore
from ansible_econtext.client import client, connector, launcher, messages, rendezvous
from ansible_econtext.client.client import BrokerSilent
from ansible_econtext.client.launcher import Endpoint
from ansible_econtext.client.multiplexer import Multiplexer
from econtext.target.loop import Timer
from tests.support import processes

from . import waiting
from .test_slave_pool import LOCAL, Owner, owner, process_of  # noqa: F401


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER", 0.3)


@pytest.fixture
def endpoint(tmp_path: pathlib.Path) -> Iterator[Endpoint]:
    made = Endpoint(str(tmp_path / "endpoint"), 60)
    yield made
    for connection in _connections:
        connection.close()
    _connections.clear()
    waiting.to_be_ended(*filter(None, [rendezvous.broker_of(made.directory)]))
    waiting.end_all()


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def started(endpoint: Endpoint) -> tuple[client.Client, int]:
    """A connection to a new broker, and the broker's process."""
    connection = patient(endpoint)
    client.limit_waits(connection._socket, client.ANSWER)  # type: ignore[arg-type]
    broker = rendezvous.broker_of(endpoint.directory)
    found = processes.process(broker)
    assert found is not None and "ansible_econtext.broker.server" in found.argv
    return connection, broker


def patient(endpoint: Endpoint) -> client.Client:
    """A connection whose broker has all the time that a loaded machine takes to start it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "ANSWER", 30.0)
        _connections.append(connector.connect(endpoint, os.getpid()))
    return _connections[-1]


#: Those to close after a test.
_connections: list[client.Client] = []


def is_named(error: BaseException | None, broker: int) -> bool:
    assert isinstance(error, BrokerSilent), error
    said = str(error)
    return f"process {broker}, does not answer" in said and f"`kill -9 {broker}` ends it" in said


def test_an_idle_one(endpoint: Endpoint) -> None:
    connection, broker = started(endpoint)
    with stopped(broker):
        for function in (connector.connect, connector.start):
            error = waiting.error_of(lambda f=function: f(endpoint, os.getpid()))  # type: ignore
            assert is_named(error, broker)
        error = waiting.error_of(lambda: connection.ask(messages.Reset(LOCAL)))
        assert is_named(error, broker)
    patient(endpoint)


def test_one_that_has_begun_its_start(endpoint: Endpoint) -> None:
    """It holds the lock, which each run wants before it starts another one."""
    socket_of = pathlib.Path(endpoint.directory, rendezvous.SOCKET)
    while True:
        with rendezvous.locked(endpoint.directory, 30) as lock:
            launcher.start(endpoint, os.getpid(), lock)
            broker = rendezvous.broker_of(endpoint.directory)
            os.kill(broker, signal.SIGSTOP)
        if not socket_of.exists():
            break
        os.kill(broker, signal.SIGKILL)  # it was faster than this test
        socket_of.unlink()
    with stopped(broker):
        for function in (connector.connect, connector.start):
            error = waiting.error_of(lambda f=function: f(endpoint, os.getpid()))  # type: ignore
            assert is_named(error, broker)
    patient(endpoint)


def test_one_to_which_nobody_else_can_connect(endpoint: Endpoint) -> None:
    """As many wait for it as its socket takes."""
    _, broker = started(endpoint)
    waits: list[socket.socket] = []
    with stopped(broker), rendezvous.address(endpoint.directory) as path, connection_closed(waits):
        with contextlib.suppress(BlockingIOError):
            while True:
                waits.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                waits[-1].setblocking(False)
                waits[-1].connect(path)
        error = waiting.error_of(lambda: connector.connect_if_running(endpoint.directory))
        assert is_named(error, broker)


@contextlib.contextmanager
def connection_closed(connections: list[socket.socket]) -> Iterator[None]:
    try:
        yield
    finally:
        for each in connections:
            each.close()


def long_work(path: pathlib.Path) -> messages.Work:
    """Work that lasts until `path` is removed, and tells its start by a second file."""
    script = f"touch {path}.begun; while test -e {path}; do sleep 0.05; done"
    path.touch()
    return messages.Work(LOCAL, [], messages.Command(["/bin/sh", "-c", script]))


def wait_for(path: pathlib.Path) -> None:
    processes.until(30, pathlib.Path(f"{path}.begun").exists, "the command runs")


def test_one_at_work(endpoint: Endpoint, tmp_path: pathlib.Path) -> None:
    connection, broker = started(endpoint)
    path = tmp_path / "goes-on"
    connection.tell(long_work(path), 1)
    wait_for(path)
    with stopped(broker):
        assert is_named(waiting.error_of(connection.receive), broker)
        assert connection.closed
        with pytest.raises(client.BrokerGone, match="does not answer"):
            connection.receive()
    path.unlink()


def test_one_at_work_for_several_threads(endpoint: Endpoint, tmp_path: pathlib.Path) -> None:
    connection, broker = started(endpoint)
    path = tmp_path / "goes-on"
    multiplexer = Multiplexer(connection)
    for number in (1, 2):
        multiplexer.send(number, long_work(path))
    wait_for(path)
    errors: list[BaseException | None] = []
    with stopped(broker):
        threads = [
            threading.Thread(
                target=lambda number=number: errors.append(  # type: ignore[misc]
                    waiting.error_of(lambda: multiplexer.wait(number))
                )
            )
            for number in (1, 2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(errors) == 2 and all("does not answer" in str(error) for error in errors)
    path.unlink()


def test_one_that_reads_nothing(endpoint: Endpoint) -> None:
    connection, broker = started(endpoint)
    module = messages.Module("it", b"i", b"", 8 * 2**20 * b"a", 0, "python", {}, None, "", False)
    work = messages.Work(LOCAL, [], module)
    with stopped(broker):
        assert is_named(waiting.error_of(lambda: connection.tell(work, 1)), broker)


def test_one_that_is_to_end(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LONGEST_END", 0.3)
    connection, broker = started(endpoint)
    with stopped(broker):
        connection.end_broker()
        assert is_named(waiting.error_of(connection.wait_for_end), broker)


def test_work_that_is_long_is_waited_for(
    endpoint: Endpoint, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that gives a sign of life is not given up."""
    path = tmp_path / "goes-on"
    connection, _ = started(endpoint)
    asked: list[int] = []
    usual = connection._ask_if_alive

    def ask() -> None:
        usual()
        asked.append(connection._asked)
        client.limit_waits(connection._socket, 30)  # type: ignore[arg-type]

    monkeypatch.setattr(connection, "_ask_if_alive", ask)

    def reply(number: int, body: bytes) -> messages.Reply:
        found = client.Client._reply(connection, number, body)
        if number in asked and len(asked) < 3:
            client.limit_waits(connection._socket, 0.01)  # type: ignore[arg-type]
        elif number in asked:
            path.unlink()
        return found

    monkeypatch.setattr(connection, "_reply", reply)
    assert connection.ask(long_work(path)) == messages.Ended(0, b"", b"")
    assert len(asked) == 3 and connection.is_quiet()


# Between the broker and a target


@pytest.mark.parametrize("kind", [PutHandler, FetchHandler])
def test_a_file_whose_target_stops(
    kind: type,
    owner: Owner,  # noqa: F811
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither credit nor data comes: the request fails, and its source is closed."""
    monkeypatch.setattr(file_transfer, "_LONGEST_STALL", 0.3)
    slave = owner.find()
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(64 * 2**20 * b"a")
    target.touch()
    action: messages.Action = messages.Put(str(source), str(tmp_path / "remote"), 0o644)
    if kind is FetchHandler:
        action = messages.Fetch(str(source), str(target))
    replies: list[messages.Reply] = []
    with stopped(process_of(slave)):
        work = messages.Work(LOCAL, [], action)
        kind(owner.slaves, PayloadStore(), work, replies.append).begin()
        owner.run_until(lambda: bool(replies))
    [reply] = replies
    assert isinstance(reply, messages.Failed)
    assert reply.code is messages.FailureCode.OPERATION
    assert "took nothing, and sent nothing, for 0.3 seconds" in reply.text
    owner.run_until(lambda: not slave.link._channels)
    assert not slave.users


class Clock:
    """Stand-in for a loop: its timers ring when the test says so."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(callback))
        return self.timers[-1]

    def ring(self) -> None:
        self.timers.pop().callback()


def test_a_file_that_moves_is_not_given_up(owner: Owner) -> None:  # noqa: F811
    """The limit is one of silence, not of the whole."""
    call = calls.CollectingCall(owner.find().link, "time", "sleep", 600)
    clock: Any = Clock()
    file_transfer.limit_stall(call, clock)
    for moved in (1, 2, 3):
        call.moved = moved
        clock.ring()
        assert not call.future.done()
    timer = clock.timers[-1]
    clock.ring()
    assert "took nothing" in str(call.future.exception())
    assert timer.callback is None  # it keeps no call that is over
