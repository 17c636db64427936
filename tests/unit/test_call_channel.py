"""The controller's end of a call channel: what the slave sends is checked."""

import pytest

from econtext.controller import call_channel
from econtext.controller.call_channel import CallChannel, ExchangingCall
from econtext.controller.errors import CallDied, CallError, ConnectionLost, EcontextError
from econtext.target import codec, exchange, flow_control, wire

from .test_exchange import MESSAGES
from .test_exchange import VIOLATIONS as MESSAGES_OF_NO_FORM
from .test_link import MANY_ITEMS, REQUEST, link, on  # noqa: F401

NUMBER = 1
SMALL = exchange.value_message(None)


class FakeRouter:
    """A router whose loop is the caller's thread."""

    def __init__(self, link):  # noqa: F811
        self.link = link

    def post(self, callback):
        if self.link.error is not None:
            raise EcontextError("the router is closed")
        callback()


@pytest.fixture
def channel(link):  # noqa: F811
    """A channel on a link that is there."""
    call = ExchangingCall("channel", link, {**REQUEST, "arguments": (1,)})
    assert call.number == NUMBER
    [body] = [body for kind, _, body in link.process.sent if kind == wire.CALL]
    request = codec.decode(body)
    assert (request["function"], request["arguments"]) == ("channel", ("os", "getpid", 1))
    link.process.sent.clear()
    call.future.add_done_callback(lambda future: call.cancelled() if future.cancelled() else None)
    return CallChannel(FakeRouter(link), call)


@pytest.fixture
def feed(link):  # noqa: F811
    return link.feed


def reply(message):
    return on(NUMBER, wire.REPLY, message)


def told(link):  # noqa: F811
    """Return the messages that were written to the process's standard input."""
    sent = link.process.sent
    data = b"".join(wire.split_data(body)[1] for kind, _, body in sent if kind == wire.DATA)
    return [body for _, _, body in wire.Reader(frozenset([wire.REPLY])).feed(data)]


def test_values_both_ways(channel, link, feed):  # noqa: F811
    channel.send(1)
    feed(reply(exchange.value_message([2])) + reply(exchange.value_message("three")))
    assert (channel.receive(0), channel.receive(0)) == ([2], "three")
    with pytest.raises(TimeoutError):
        channel.receive(0)
    channel.end()
    assert told(link) == [exchange.value_message(1), exchange.END]
    feed(on(NUMBER, wire.RESULT, ("value", None)))
    assert list(channel) == [] and link.error is None


def test_credit_is_given_for_what_was_received(channel, link, feed):  # noqa: F811
    for _ in range(2):
        feed(15 * reply(MESSAGES[2]))  # the window
        for _ in range(15):
            channel.receive(0)
    assert len(told(link)) == 30 and link.error is None


BREAKING = {
    **{what: reply(message) for what, message in MESSAGES_OF_NO_FORM.items()},
    "more small values than credit": 1024 * reply(SMALL),
    "more large values than credit": 2 * reply(MESSAGES[-1]),
    "a value of many items": reply(exchange.VALUE + MANY_ITEMS),
    "a reply of a call session": on(NUMBER, wire.REPLY, ("value", 1)),
    "a value for another channel": on(2, wire.REPLY, SMALL),
    "a result that no function has": on(NUMBER, wire.RESULT, ("withdrawn", 1)),
    "credit of the slave's for no data": wire.credit_frame(NUMBER, 1),
}


@pytest.mark.parametrize("data", BREAKING.values(), ids=BREAKING)
def test_what_breaks_the_link_of_a_channel(channel, link, feed, data):  # noqa: F811
    feed(reply(SMALL) + data)
    assert isinstance(link.error, ConnectionLost) and link.process.killed
    assert channel.receive(0) is None  # what came before
    with pytest.raises(ConnectionLost):
        while True:
            assert channel.receive(0) in (None, LARGEST)
    with pytest.raises(ConnectionLost):
        channel.send(1)


LARGEST = codec.decode(MESSAGES[-1][1:])


def test_a_slave_that_reads_nothing_while_its_values_are_received(
    channel,
    link,  # noqa: F811
    feed,
    monkeypatch,
):
    """Credit for it piles up, until the link breaks."""
    monkeypatch.setattr(call_channel, "_MOST_UNSENT", 10)
    link.may_send_data = lambda channel: False
    size = flow_control.GRANT
    for _ in range(11):
        feed(reply(exchange.value_message(size * b"x")))
        assert channel.receive(0) == size * b"x"
    assert link.error is None
    feed(reply(SMALL))
    assert "not read" in str(link.error)


def test_what_an_honest_process_leaves_unread_breaks_no_link(channel, link, feed):  # noqa: F811
    link.may_send_data = lambda channel: False
    for message in (MESSAGES[-1], SMALL):
        while channel._may_send(message):
            channel.send(codec.decode(message[1:]))
    for _ in range(16):
        feed(reply(MESSAGES[2]))
        channel.receive(0)
    feed(reply(SMALL))
    assert link.error is None


@pytest.mark.parametrize(
    ("frames", "error"),
    [
        (on(NUMBER, wire.RESULT, ("error", "ValueError", "text", "trace")), CallError),
        (on(NUMBER, wire.RESULT, ("failed", "too many processes")), CallError),
        (on(NUMBER, wire.EXIT, -9), CallDied),
        (on(NUMBER, wire.RESULT, ("value", None)) + on(NUMBER, wire.EXIT, 0), EOFError),
    ],
)
def test_ends_of_a_channel(channel, link, feed, frames, error):  # noqa: F811
    feed(reply(SMALL) + frames)
    assert channel.receive(0) is None
    for _ in range(2):
        with pytest.raises(error):
            channel.receive(0)
    with pytest.raises(error):
        channel.send(1, timeout=0)
    assert not told(link) and link.error is None


@pytest.mark.parametrize("way", ["its process ends", "close", "end"])
def test_what_ends_a_wait_for_credit(channel, link, feed, way):  # noqa: F811
    while channel._may_send(SMALL):
        channel.send(None)
    with pytest.raises(TimeoutError):
        channel.send(None, timeout=0)
    if way == "its process ends":
        feed(on(NUMBER, wire.EXIT, -9))
    else:
        getattr(channel, way)()
    with pytest.raises(EcontextError, match="killed|closed|ended"):
        channel.send(None, timeout=0)


def test_values_that_came_before_the_link_ended(channel, link, feed):  # noqa: F811
    feed(15 * reply(MESSAGES[2]))
    link.fail(ConnectionLost("test", "the link has ended"))
    for _ in range(15):
        assert len(channel.receive(0)) == flow_control.GRANT
    with pytest.raises(ConnectionLost):
        channel.receive(0)


def test_a_channel_that_is_closed_ends_its_process(channel, link, feed):  # noqa: F811
    feed(reply(SMALL))
    channel.close()
    assert (wire.CLOSE, NUMBER, b"") in link.process.sent
    with pytest.raises(EcontextError, match="closed"):
        channel.receive(0)
    feed(reply(SMALL) + on(NUMBER, wire.EXIT, -15))  # they were under way
    assert link.error is None


def test_a_thread_of_a_function_that_has_returned_breaks_no_link(channel, link, feed):  # noqa: F811
    feed(on(NUMBER, wire.RESULT, ("value", None)) + reply(SMALL) + on(NUMBER, wire.EXIT, 0))
    assert link.error is None
