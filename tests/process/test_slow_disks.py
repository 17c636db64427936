"""A disk of the controller that is slow for one host delays no other: a pipe stands for it."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.client import client, connector, messages, route  # noqa: E402
from ansible_econtext.client.launcher import Endpoint  # noqa: E402

pytestmark = pytest.mark.timeout(60)

CONTENT = b"content"

HOP = route.local_hop([sys.executable])


def work(host: str, action: messages.Action) -> messages.Work:
    return messages.Work([HOP.replace(key=host)], [], action)


@pytest.fixture
def connect(tmp_path: pathlib.Path) -> Iterator[Callable[[], client.Client]]:
    """Return connections to one broker; it ends with the test."""
    endpoint = Endpoint(str(tmp_path / "broker"), 0)
    first = connector.connect(endpoint, os.getpid())
    made: list[client.Client] = []

    def connect() -> client.Client:
        made.append(connector.connect(endpoint, os.getpid()))
        return made[-1]

    yield connect
    for each in made:
        each.close()
    first.end_broker()
    first.wait_for_end()


@pytest.fixture
def pipe(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def begun(connect: Callable[[], client.Client], action: messages.Action) -> client.Client:
    """Return a connection whose host, which has its slave, begins with this action."""
    slow = connect()
    assert slow.ask(work("slow", messages.Exists("/"))).exists
    slow.tell(work("slow", action), 1)
    return slow


def assert_served(connection: client.Client) -> None:
    """The second request comes to the broker after all that was sent before."""
    for _ in range(2):
        command = messages.Command(["echo", "served"])
        assert connection.ask(work("other", command)).stdout == b"served\n"


def test_a_put_waits_for_its_file_alone(
    connect: Callable[[], client.Client], pipe: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    slow = begun(connect, messages.Put(str(pipe), str(tmp_path / "target"), 0o600))
    other = connect()
    assert_served(other)  # while it is opened
    with open(pipe, "wb", buffering=0) as writer:
        writer.write(CONTENT)
        assert_served(other)  # while it is read
    ((_, reply),) = slow.receive()
    assert isinstance(reply, messages.Failed)
    assert reply.text == f"write: {len(CONTENT)} of 0 bytes came"  # as a pipe has no size


def test_a_fetch_waits_for_its_file_alone(
    connect: Callable[[], client.Client], pipe: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "source").write_bytes(1000 * CONTENT)
    slow = begun(connect, messages.Fetch(str(tmp_path / "source"), str(pipe)))
    other = connect()
    assert_served(other)
    assert pipe.read_bytes() == 1000 * CONTENT
    ((_, reply),) = slow.receive()
    assert isinstance(reply, messages.Fetched)


def test_a_worker_that_goes_leaves_no_transfer(
    connect: Callable[[], client.Client], pipe: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    slow = begun(connect, messages.Put(str(pipe), str(tmp_path / "target"), 0o600))
    other = connect()
    assert_served(other)
    slow.close()
    assert_served(other)
    with open(pipe, "wb", buffering=0):
        pass
    assert_served(other)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_file_goes_there_and_back(
    connect: Callable[[], client.Client], size: int, tmp_path: pathlib.Path
) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    back.touch()
    connection = connect()
    put = messages.Put(str(tmp_path / "file"), str(there), 0o640)
    assert connection.ask(work("host", put)) == messages.Done()
    assert there.read_bytes() == content
    fetched = connection.ask(work("host", messages.Fetch(str(there), str(back))))
    assert isinstance(fetched, messages.Fetched) and back.read_bytes() == content
