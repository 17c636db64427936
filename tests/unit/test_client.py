"""A worker's end of its connection to the broker."""

import socket

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.client import client, messages  # noqa: E402
from econtext.target import codec, wire  # noqa: E402


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    made = client.Client(ours, "/nowhere")
    yield made, theirs
    made.close()
    theirs.close()


EXISTS = messages.Work([], [], messages.Exists("/"))


def request_of(theirs):
    reader = wire.Reader(frozenset([wire.OPEN]))
    ((_, number, body),) = reader.feed(theirs.recv(65536))
    return number, messages.decode_request(body)


def reply(theirs, number, value):
    theirs.sendall(wire.frame(wire.RESULT, number, messages.encode(value)))


def test_a_reply_that_came_for_something_else_is_no_answer(ends):
    """As the error of a request that was to have no reply would be."""
    made, theirs = ends
    reply(theirs, 0, messages.Failed(messages.FailureCode.LOST, "of something else"))
    with pytest.raises(client.BrokerGone, match="not asked for"):
        made.ask(EXISTS)
    assert made.closed


def test_a_second_reply_is_no_answer(ends):
    made, theirs = ends
    reply(theirs, client._FIRST, messages.Existence(True))
    reply(theirs, client._FIRST, messages.Existence(True))
    with pytest.raises(client.BrokerGone, match="not asked for"):
        made.ask(EXISTS)


def test_a_reply_to_an_earlier_request_is_no_answer(ends):
    made, theirs = ends
    made.tell(EXISTS, 1)
    reply(theirs, 1, messages.Existence(True))
    with pytest.raises(client.BrokerGone, match="not asked for"):
        made.ask(EXISTS)
    assert made.closed


UNEXPECTED = {
    "another kind": messages.encode(messages.Done()),
    "one of a sequence": messages.encode(messages.NotBegun()),
    "a request": messages.encode(EXISTS),
    "a wrong type": codec.encode(("Existence", "yes")),
    "a field more": codec.encode(("Existence", True, True)),
    "a dict": codec.encode({"exists": True}),
    "no value": b"",
}


@pytest.mark.parametrize("body", UNEXPECTED.values(), ids=UNEXPECTED)
@pytest.mark.parametrize("number", [client._FIRST, 1], ids=["alone", "of several"])
def test_a_reply_of_no_expected_kind_ends_the_connection(ends, body, number):
    """Whether one request waits for it, or several (`Multiplexer`)."""
    made, theirs = ends
    theirs.sendall(wire.frame(wire.RESULT, number, body))
    with pytest.raises(client.BrokerGone, match="the broker sent "):
        if number == 1:
            made.tell(EXISTS, number)
            made.receive()
        else:
            made.ask(EXISTS)
    assert made.closed


def test_what_is_no_frame_ends_the_connection(ends):
    made, theirs = ends
    theirs.sendall(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(client.BrokerGone, match="the broker sent "):
        made.ask(EXISTS)
    assert made.closed


def test_a_request_of_the_run_that_failed_is_an_error(ends):
    """The error of work is for a session, which knows Ansible's own."""
    made, theirs = ends
    failed = messages.Failed(messages.FailureCode.LOST, "internal error")
    reply(theirs, client._FIRST, failed)
    assert made.ask(EXISTS) == failed
    reply(theirs, client._FIRST + 1, failed)
    with pytest.raises(client.BrokerGone, match="internal error"):
        made.ask(messages.Register(1))


def test_a_reader_is_told_that_a_sender_closed_the_connection(ends):
    """As if the broker read nothing."""
    made, _ = ends
    client.limit_waits(made._socket, 0.05)
    made.tell(EXISTS, 1)
    recv = made._socket.recv

    class Socket:
        """Socket of a connection that is closed while its reader waits."""

        def recv(self, size):
            made._socket = None
            return recv(size)

    made._socket, kept = Socket(), made._socket
    with pytest.raises(client.BrokerGone, match="is closed"):
        made.receive()
    kept.close()


def test_each_request_has_a_number_of_its_own(ends):
    made, theirs = ends
    for number, value in enumerate([messages.Existence(True), messages.Existence(False)]):
        reply(theirs, client._FIRST + number, value)
        assert made.ask(EXISTS) == value
        assert request_of(theirs) == (client._FIRST + number, EXISTS)


def test_a_request_without_a_reply_has_no_number(ends):
    made, theirs = ends
    work = messages.Work([], [("remove", "/x")], messages.Operations())
    made.tell(work)
    assert request_of(theirs) == (0, work)
