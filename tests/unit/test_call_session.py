"""The controller's end of a call session: replies are checked against what was asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econtext.controller import call_session
from econtext.controller.call_session import Asked, ServingCall
from econtext.controller.channels import Call
from econtext.controller.errors import CallDied, CallError, ConnectionLost
from econtext.target import wire

from .test_link import MANY_ITEMS, REQUEST, link, on  # noqa: F401

NUMBER = 1


@pytest.fixture
def serving(link):  # noqa: F811
    """The call of a session on a link that is there."""
    made = ServingCall(link, 20)
    assert made.number == NUMBER
    link.process.sent.clear()
    return made


def ask(serving, request=b"request", module="os"):
    asked = Asked(request, module, "name", ())
    serving.ask(asked)
    return asked


def cancel(serving, asked):
    assert asked.future.cancel()
    serving.withdraw(asked)


def reply(serving, *value):
    serving.link.feed(on(NUMBER, wire.REPLY, value))


def requests(serving):
    """Return (kind, number) of all that was written to the process's standard input."""
    data = b"".join(
        wire.split_data(body)[1] for kind, _, body in serving.link.process.sent if kind == wire.DATA
    )
    found = wire.Reader(frozenset([wire.CALL, wire.CLOSE])).feed(data)
    return [(kind, number) for kind, number, _ in found]


def is_ended(serving):
    return (wire.CLOSE, NUMBER, b"") in serving.link.process.sent


def test_replies_come_in_the_order_of_the_requests(serving):
    asked = [ask(serving) for _ in range(3)]
    assert requests(serving) == [(wire.CALL, 1), (wire.CALL, 2), (wire.CALL, 3)]
    reply(serving, "value", 1)
    reply(serving, "error", "ValueError", "text", "trace")
    assert asked[0].future.result(0) == 1 and not asked[2].future.done()
    assert isinstance(asked[1].future.exception(0), CallError)
    assert serving.link.error is None


VIOLATIONS = {
    "a second reply": 2 * on(NUMBER, wire.REPLY, ("value", 1)),
    "a reply of no form": on(NUMBER, wire.REPLY, 12),
    "a reply of an unknown form": on(NUMBER, wire.REPLY, ("value", 1, 2)),
    "a reply of a process that cannot be forked": on(NUMBER, wire.REPLY, ("failed", "text")),
    "an error that is no text": on(NUMBER, wire.REPLY, ("error", "ValueError", b"text", None)),
    "a reply that is no value": on(NUMBER, wire.REPLY, b"l\0\0\0\1"),
    "a reply of many items": on(NUMBER, wire.REPLY, MANY_ITEMS),
    "a withdrawal that was not asked for": on(NUMBER, wire.REPLY, ("withdrawn", 1)),
    "a withdrawal of no request": on(NUMBER, wire.REPLY, ("withdrawn", 2)),
    "a withdrawal without a number": on(NUMBER, wire.REPLY, ("withdrawn", "1")),
    "a reply for another channel": on(2, wire.REPLY, ("value", 1)),
    "a question for a module": wire.frame(wire.WANT, NUMBER, b"json"),
}


@pytest.mark.parametrize("data", VIOLATIONS.values(), ids=VIOLATIONS)
def test_what_breaks_the_link_of_a_session(serving, data):
    asked = ask(serving)
    serving.link.feed(data)
    assert isinstance(serving.link.error, ConnectionLost) and serving.link.process.killed
    assert asked.future.done()
    later = ask(serving)
    assert later.future.exception(0) is serving.link.error


@pytest.mark.parametrize("is_in_session", [True, False])
def test_a_reply_that_was_not_asked_for(serving, is_in_session):
    """It is not even decoded."""
    channel = serving if is_in_session else Call(serving.link, REQUEST)
    serving.link.feed(wire.frame(wire.REPLY, channel.number, b"junk"))
    assert "a reply" in str(serving.link.error)


@given(st.binary(max_size=200))
def test_junk_in_a_reply(data):
    made = ServingCall(link.__wrapped__(), 20)
    asked = ask(made)
    made.link.feed(wire.frame(wire.REPLY, NUMBER, data))
    assert asked.future.done() or made.link.error is not None


# Sent ahead


def test_few_bytes_are_sent_ahead(serving, monkeypatch):
    monkeypatch.setattr(call_session, "AHEAD", 20)
    asked = [ask(serving, 10 * b"x") for _ in range(5)]
    assert len(requests(serving)) == 2
    cancel(serving, asked[2])
    reply(serving, "value", 0)
    assert requests(serving)[2:] == [(wire.CALL, 3)]
    for number in range(3):
        reply(serving, "value", number)
    assert [each.future.result(0) for each in asked if each is not asked[2]] == [0, 0, 1, 2]
    assert len(requests(serving)) == 4 and not is_ended(serving)


def test_numbers_of_requests_begin_again(serving, monkeypatch):
    monkeypatch.setattr(call_session, "_LAST_NUMBER", 2)
    for number in (1, 2, 1):
        ask(serving)
        reply(serving, "value", None)
        assert requests(serving)[-1] == (wire.CALL, number)


# Cancelling


def test_a_call_that_may_run_is_cancelled_with_the_process(serving):
    asked = [ask(serving) for _ in range(2)]
    cancel(serving, asked[0])
    assert is_ended(serving)
    ask(serving)
    assert len(requests(serving)) == 2  # nothing more is sent
    serving.link.feed(on(NUMBER, wire.EXIT, -15))
    assert isinstance(asked[1].future.exception(0), CallDied)


def test_a_call_that_waits_is_withdrawn(serving):
    asked = [ask(serving) for _ in range(3)]
    cancel(serving, asked[1])
    assert requests(serving)[-1] == (wire.CLOSE, 2)
    reply(serving, "withdrawn", 2)
    reply(serving, "value", 1)
    reply(serving, "value", 3)
    assert asked[2].future.result(0) == 3 and not is_ended(serving)
    assert serving.link.error is None


def test_a_call_that_began_before_it_was_withdrawn_ends_the_process(serving):
    asked = [ask(serving) for _ in range(3)]
    cancel(serving, asked[1])
    reply(serving, "value", 1)
    assert is_ended(serving)
    reply(serving, "value", 2)
    serving.link.feed(on(NUMBER, wire.EXIT, -15))
    assert isinstance(asked[2].future.exception(0), CallDied)
    assert serving.link.error is None


def test_a_call_that_is_cancelled_before_it_is_taken_is_not_sent(serving):
    asked = Asked(b"request", "os", "getpid", ())
    assert asked.future.cancel()
    serving.ask(asked)
    serving.withdraw(asked)
    assert not requests(serving)


# The end


def test_a_loop_that_fails_fails_all_calls(serving):
    asked = ask(serving)
    serving.link.feed(on(NUMBER, wire.RESULT, ("error", "ImportError", "text", "")))
    assert isinstance(asked.future.exception(0), CallError)
    assert isinstance(ask(serving).future.exception(0), CallError)


def test_a_session_that_is_idle_ends_with_its_input(serving):
    serving.close()
    assert (wire.END, NUMBER, b"\0") in serving.link.process.sent and not is_ended(serving)


def test_a_session_that_is_busy_is_ended(serving):
    asked = ask(serving)
    serving.close()
    assert is_ended(serving)
    serving.link.feed(on(NUMBER, wire.EXIT, -15))
    assert isinstance(asked.future.exception(0), CallDied)
