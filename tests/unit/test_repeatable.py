"""Which modules are run many times in one process."""

import base64
import io
import socket
import zipfile

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext import client  # noqa: E402
from ansible_econtext.payload import Payload  # noqa: E402
from ansible_econtext.seams import builds, repeatable  # noqa: E402
from econtext.target import codec, wire  # noqa: E402


def payload(name: str = "ansible.modules.stat", content: bytes | None = None) -> Payload:
    """Of a module of ansible-core, or of another one under its name."""
    path = name.replace(".", "/") + ".py"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(path, content or (builds.ROOT / path).read_bytes())
    packed = base64.b64encode(made.getvalue())
    identity = repr((name, content)).encode()
    return Payload(packed, identity, name, b"{}", profile=None, open_files=0)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(repeatable, "_known", {})
    monkeypatch.setattr(builds, "has_module_utils_of_others", lambda: False)


@pytest.mark.parametrize("name", ["stat", "copy", "file", "command", "lineinfile"])
def test_some_of_ansible_cores_own(name):
    assert repeatable.leaves_nothing(payload(f"ansible.modules.{name}"))


@pytest.mark.parametrize(
    "module",
    [
        payload("ansible.modules.user"),
        payload("ansible.legacy.stat", b"print(1)"),
        payload("ansible.modules.stat", b"print(1)"),
        Payload(b"bm8gYXJjaGl2ZQ==", b"it", "ansible.modules.stat", b"{}", None, 0),
    ],
    ids=["another", "of a role", "of others", "damaged"],
)
def test_no_other(module):
    assert not repeatable.leaves_nothing(module)


def test_none_with_module_utils_of_others(monkeypatch):
    monkeypatch.setattr(builds, "has_module_utils_of_others", lambda: True)
    assert not repeatable.leaves_nothing(payload())


@pytest.fixture
def broker():
    """The broker's end of a line, and the line."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield theirs, client.Client(ours, "")


def told(broker: socket.socket) -> list[str]:
    """What a broker was told since the last time."""
    broker.setblocking(False)
    try:
        data = broker.recv(65536)
    except BlockingIOError:
        return []
    frames = wire.Reader(frozenset([wire.OPEN])).feed(data)
    return [codec.decode(body)["do"] for _, _, body in frames]


def test_a_process_stays_from_the_second_run_of_a_module_on(broker):
    repeats, (end, line) = repeatable.Repeats(), broker
    stat, copy = payload(), payload("ansible.modules.copy")
    assert [repeats.has(each) for each in (stat, copy)] == [False, False]
    line.tell({"do": "module", "stays": False})
    line.let_go()
    assert told(end) == ["module"]
    assert [repeats.has(each) for each in (stat, stat, copy)] == [True, True, True]
    line.tell({"do": "module", "stays": True})
    client.give_back(line)
    assert told(end) == ["module", "let_go"]
    line.let_go()
    assert told(end) == []


def test_a_line_that_is_closed_is_told_nothing(broker):
    repeats, (end, line) = repeatable.Repeats(), broker
    assert [repeats.has(payload()), repeats.has(payload())] == [False, True]
    line.tell({"do": "module", "stays": True})
    assert told(end) == ["module"]
    line.close()
    client.give_back(line)
    assert told(end) == []
