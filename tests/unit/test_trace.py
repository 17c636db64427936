"""The broker's trace: what was asked for and how long it took, and nothing that may be secret."""

import json

import pytest

from ansible_econtext.broker.server import Broker
from ansible_econtext.client import messages

SECRET = "hunter2"
BYTES = SECRET.encode()
FILE = messages.ProgramFile("it", "it", BYTES, False)
ACTIONS = [
    messages.Module("ping", b"i", BYTES, None, 0, "python", {"A": SECRET}, SECRET, "", False),
    messages.Program("ping", "/bin/sh", SECRET, SECRET, [FILE], BYTES, SECRET, "/tmp", ""),
    messages.Command(["/bin/sh", "-c", SECRET]),
    messages.Exists(SECRET),
    messages.Expand(SECRET),
    messages.Put(SECRET, SECRET, 0o600),
    messages.Fetch(SECRET, SECRET),
]
REPLIES = [
    messages.Ended(0, BYTES, BYTES),
    messages.Died(-9, SECRET, BYTES, BYTES),
    messages.Failed(messages.FailureCode.CALL, SECRET),
    messages.Expanded(SECRET),
]


@pytest.fixture
def trace(tmp_path, monkeypatch):
    path = tmp_path / "trace"
    monkeypatch.setenv("ANSIBLE_ECONTEXT_TRACE", str(path))
    broker = Broker(str(tmp_path), 1, -1, 0)
    yield broker, path
    broker._listener.close()
    broker._trace.close()


def test_it_holds_no_argument_and_no_output(trace):
    broker, path = trace
    for action in ACTIONS:
        for reply in REPLIES:
            broker._note(action, reply, 0.5)
    text = path.read_text()
    assert SECRET not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == len(ACTIONS) * len(REPLIES)
    assert {line["name"] for line in lines} == {"ping", ""}
