"""What a broker does when a run begins or ends: of those that wait, the first makes way."""

import os
import socket

import pytest

from ansible_econtext.broker import other_brokers
from ansible_econtext.broker.server import Broker
from ansible_econtext.client import messages, rendezvous
from econtext.target import wire


def listen(directory, backlog=8):
    directory.mkdir()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(directory / rendezvous.SOCKET))
    listener.listen(backlog)
    listener.settimeout(10)
    return listener


def heard(listener):
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(10)
        frames = wire.Reader(frozenset([wire.OPEN])).feed(connection.recv(65536))
    return [(number, messages.decode_request(body)) for _, number, body in frames]


def test_each_other_broker_is_told(tmp_path):
    """And none is waited for: one is dead, and one takes no more connections."""
    (tmp_path / "a file").touch()
    (tmp_path / "none").mkdir()
    listen(tmp_path / "dead").close()
    with (
        listen(tmp_path / "own") as own,
        listen(tmp_path / "full", 0) as full,
        listen(tmp_path / "one") as one,
        listen(tmp_path / "other") as other,
        socket.socket(socket.AF_UNIX) as first,
    ):
        first.connect(full.getsockname())
        other_brokers.tell(str(tmp_path / "own"))
        assert heard(one) == heard(other) == [(0, messages.Waits("own"))]
        own.setblocking(False)
        with pytest.raises(BlockingIOError):
            own.accept()


def test_a_home_that_was_removed_has_no_other_broker(tmp_path):
    other_brokers.tell(str(tmp_path / "removed" / "own"))
    assert not (tmp_path / "removed").exists()


@pytest.fixture
def broker(tmp_path, monkeypatch):
    made = Broker(str(tmp_path), os.getpid(), -1, 60)
    monkeypatch.setattr(made, "end", lambda: ends.append(True))
    ends = made.ends = []
    yield made
    made._listener.close()


def tell(broker, *names):
    for name in names:
        broker.take(None, messages.Waits(name), 0)


def test_one_that_waits_for_longest_ends(broker):
    broker._run_ended(os.getpid())
    tell(broker, "a", "b", "b", "a")
    assert not broker.ends
    tell(broker, "c")
    assert broker.ends


def test_one_with_a_run_stays_and_counts_from_its_end(broker):
    tell(broker, "a", "b", "c", "d")
    assert not broker.ends
    broker._run_ended(os.getpid())
    tell(broker, "a", "b")
    assert not broker.ends


def test_old_slaves_end_when_a_run_begins(broker, monkeypatch):
    class Connection:
        run = 0

        def reply(self, value, number):
            """Drop it: the request wants none."""

    begun = []
    monkeypatch.setattr(broker._slaves, "end_old", lambda: begun.append(True))
    for run in (os.getpid(), os.getppid(), os.getppid()):
        broker.take(Connection(), messages.Register(run), 0)
    assert begun == [True]
