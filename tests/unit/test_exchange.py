"""Exchange: what is under way stays within the window, and never stops for good."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from econtext.target import codec, exchange, flow_control, wire
from econtext.target.exchange import EACH, Exchange

#: Values at and beyond all bounds: nothing, a grant's worth, the window, and more than that.
LARGE = [0, 1, flow_control.GRANT, exchange.MOST - EACH, flow_control.WINDOW, 9_000_000]
MESSAGES = [exchange.value_message(size * b"x") for size in LARGE]


class Talk(RuleBasedStateMachine):
    """Two ends that keep to the rules, with a wire in either direction."""

    def __init__(self):
        super().__init__()
        self.ends = (Exchange(), Exchange())
        self.flying: tuple[list[bytes], ...] = ([], [])  # to each end
        self.sent: tuple[list[int], ...] = ([], [])  # by each end, in bytes

    @rule(end=st.integers(0, 1), of=st.integers(0, len(LARGE) - 1), times=st.integers(1, 20))
    def send(self, end, of, times):
        message = MESSAGES[of]
        for _ in range(times):
            if self.ends[end].may_send(message):
                self.ends[end].sent(message)
                self.flying[not end].append(message)
                self.sent[end].append(len(message))

    @rule(end=st.integers(0, 1))
    def arrive(self, end):
        while self.flying[end]:
            self.ends[end].take(self.flying[end].pop(0))

    @rule(end=st.integers(0, 1))
    def receive(self, end):
        if self.ends[end].values:
            value, credit = self.ends[end].next()
            assert self.sent[not end].pop(0) == len(exchange.value_message(value))
            if credit:
                self.flying[not end].append(credit)

    @invariant()
    def the_window_holds(self):
        for sent in self.sent:
            small = sum(size + EACH for size in sent if size + EACH < exchange.MOST)
            large = [size for size in sent if size + EACH >= exchange.MOST]
            assert small <= flow_control.WINDOW and len(large) <= 1
            assert not large or small <= flow_control.GRANT

    @rule()
    def all_is_received(self):
        """Then each value may be sent, however large it is."""
        for _ in range(3):
            for end in (0, 1):
                self.arrive(end)
                while self.ends[end].values:
                    self.receive(end)
        for end in (0, 1):
            assert all(self.ends[end].may_send(message) for message in MESSAGES)


TestTalk = Talk.TestCase
TestTalk.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


def test_small_values_are_bounded_by_their_number():
    end, message = Exchange(), exchange.value_message(None)
    number = 0
    while end.may_send(message):
        end.sent(message)
        number += 1
    assert number == flow_control.WINDOW // (EACH + len(message)) == 1023


def test_a_value_that_is_too_long(monkeypatch):
    monkeypatch.setattr(wire, "MAX_MESSAGE", 20)
    assert exchange.value_message(14 * b"x")
    with pytest.raises(codec.EncodeError, match="too long"):
        exchange.value_message(15 * b"x")


#: What an end that has sent one small value may not be sent.
VIOLATIONS = {
    "nothing": b"",
    "another kind": b"x" + codec.encode(1),
    "the end": exchange.END,
    "a value that is none": exchange.VALUE + b"l\0\0\0\1",
    "two values": exchange.VALUE + 2 * codec.encode(1),
    "credit of another form": exchange.CREDIT + b"\0\0\1",
    "credit for nothing": exchange.CREDIT + wire.credit_body(0),
    "more credit than it sent": exchange.CREDIT + wire.credit_body(EACH + 3),
}


@pytest.mark.parametrize("message", VIOLATIONS.values(), ids=VIOLATIONS)
def test_violations(message):
    end = Exchange()
    end.sent(exchange.value_message(None))
    with pytest.raises((wire.ProtocolError, codec.DecodeError)):
        end.take(message)
    assert not end.values


def test_credit_that_is_due_is_taken():
    end = Exchange()
    end.sent(exchange.value_message(None))
    end.take(exchange.CREDIT + wire.credit_body(EACH + 2))
    assert all(end.may_send(message) for message in MESSAGES)


@pytest.mark.parametrize("message", [MESSAGES[0], MESSAGES[-1]], ids=["small", "large"])
def test_more_values_than_credit(message):
    end, sender = Exchange(), Exchange()
    while sender.may_send(message):
        sender.sent(message)
        end.take(message)
    with pytest.raises(wire.ProtocolError, match="more values"):
        end.take(message)


@given(st.binary(max_size=100))
def test_junk(data):
    try:
        Exchange().take(data)
    except (wire.ProtocolError, codec.DecodeError):
        assert data[:1] != exchange.VALUE or codec.encode(None) != data[1:]
