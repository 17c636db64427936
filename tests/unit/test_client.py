"""A worker's end of its connection to the broker."""

import socket

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.client import client  # noqa: E402
from econtext.target import codec, wire  # noqa: E402


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    made = client.Client(ours, "/nowhere")
    yield made, theirs
    made.close()
    theirs.close()


def request_of(theirs):
    reader = wire.Reader(frozenset([wire.OPEN]))
    ((_, number, body),) = reader.feed(theirs.recv(65536))
    return number, codec.decode(body)


def reply(theirs, number, value):
    theirs.sendall(wire.frame(wire.RESULT, number, codec.encode(value)))


def test_a_reply_that_came_for_something_else_is_no_answer(ends):
    """As the error of a request that was to have no reply would be."""
    made, theirs = ends
    reply(theirs, 0, {"failed": "lost", "text": "of something else"})
    with pytest.raises(client.BrokerGone, match="not asked for"):
        made.ask({"do": "exists"})
    assert made.closed


def test_a_second_reply_is_no_answer(ends):
    made, theirs = ends
    reply(theirs, client._FIRST, {"exists": True})
    reply(theirs, client._FIRST, {"exists": True})
    with pytest.raises(client.BrokerGone, match="not asked for"):
        made.ask({"do": "exists"})


def test_each_request_has_a_number_of_its_own(ends):
    made, theirs = ends
    for number, value in enumerate([{"exists": True}, {"exists": False}]):
        reply(theirs, client._FIRST + number, value)
        assert made.ask({"do": "exists"}) == value
        assert request_of(theirs) == (client._FIRST + number, {"do": "exists"})


def test_a_request_without_a_reply_has_no_number(ends):
    made, theirs = ends
    made.tell({"do": "operations"})
    assert request_of(theirs) == (0, {"do": "operations"})
