"""Flow control: what is under way stays within the window, and never stops for good."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from econtext.target import flow_control, wire

SIZES = st.integers(0, 2 * flow_control.WINDOW)


class Channel(RuleBasedStateMachine):
    """A sender and a receiver that keep to the rules, with a wire in either direction."""

    def __init__(self):
        super().__init__()
        self.sender = flow_control.Sending()
        self.receiver = flow_control.Receiving()
        self.flying: list[int] = []  # data on its way to the receiver
        self.held = 0  # received, not yet gone on
        self.relayed = 0  # the receiver's own data in front of the same reader
        self.grants: list[int] = []  # credit on its way to the sender
        self.received = self.granted = 0

    @rule(size=SIZES)
    def send(self, size):
        size = min(size, self.sender.credit)
        self.sender.sent(size)
        self.flying.append(size)

    @rule()
    def arrive(self):
        if self.flying:
            size = self.flying.pop(0)
            assert self.receiver.received(size)
            self.received += size
            self.held += size

    @rule(size=SIZES)
    def relay(self, size):
        self.receiver.relayed(size)
        self.relayed += size

    @rule(size=SIZES)
    def go_on(self, size):
        """Data leaves the receiver: what was relayed and what was received, in one stream."""
        size = min(size, self.held + self.relayed)
        own = min(size, self.relayed)
        self.relayed -= own
        self.held -= size - own
        grant = self.receiver.used(size)
        self.granted += grant
        self.grants.append(grant)

    @rule()
    def take_credit(self):
        if self.grants:
            assert self.sender.granted(self.grants.pop(0))

    @invariant()
    def nothing_is_negative(self):
        assert self.sender.credit >= 0
        assert all(grant >= 0 for grant in self.grants)

    @invariant()
    def no_more_is_granted_than_was_received(self):
        assert self.granted <= self.received

    @invariant()
    def the_window_bounds_memory(self):
        assert sum(self.flying) + self.held <= flow_control.WINDOW

    @invariant()
    def it_goes_on(self):
        """When all has arrived and gone on, the largest frame can be sent."""
        if not self.flying and not self.held and not self.relayed and not self.grants:
            assert self.sender.credit >= wire.MAX_DATA


TestChannel = Channel.TestCase


def test_a_peer_that_sends_too_much_is_seen():
    receiver = flow_control.Receiving()
    assert receiver.received(flow_control.WINDOW)
    assert not receiver.received(1)


def test_a_peer_that_grants_too_much_is_seen():
    sender = flow_control.Sending()
    sender.sent(10)
    assert sender.granted(10)
    assert not sender.granted(1)


@given(st.lists(SIZES))
def test_credit_is_given_in_large_pieces(sizes):
    """A frame for each read would double the number of frames."""
    receiver = flow_control.Receiving()
    grants = [grant for size in sizes if (grant := receiver.used(size))]
    assert all(grant >= flow_control.GRANT for grant in grants)
    assert 0 <= sum(sizes) - sum(grants) < flow_control.GRANT


@given(SIZES, SIZES)
def test_no_credit_is_due_for_what_was_relayed(relayed, received):
    receiver = flow_control.Receiving()
    receiver.relayed(relayed)
    assert receiver.used(relayed) == 0
    assert receiver.used(received) in (0, received)
