"""Either end of a link gives it up when the other is silent at look after look."""

import os

import pytest

from econtext.controller import keepalive
from econtext.controller.errors import ConnectionLost
from econtext.controller.link import Link
from econtext.target import codec, slave, store, wire

from .test_link import GREETING, FakeProcess


class Clock:
    """Clock that the test moves: one look is due at a time."""

    def __init__(self):
        self.due = []
        self.now = 0.0

    def call_later(self, delay, callback):
        self.due.append((self.now + delay, callback))

    def look(self):
        [(self.now, callback)] = self.due
        self.due = []
        callback()


class Slaves(FakeProcess):
    """Process that notes whether its input was ended before it was killed."""

    has_ended_input = False

    def end(self, stream):
        self.has_ended_input = not self.killed


@pytest.fixture
def link():
    made = Link("test", Slaves())
    made.feed(wire.frame(wire.HELLO, 0, codec.encode(GREETING)))
    return made


@pytest.fixture
def clock(link):
    made = Clock()
    keepalive.begin(link, made.call_later)
    return made


PONG = wire.frame(wire.PONG, 0)


def test_a_slave_is_pinged_at_each_look(link, clock):
    for number in range(1, 4):
        clock.look()
        assert clock.now == number * keepalive.PAUSE
        assert link.process.sent == number * [(wire.PING, 0, b"")]
        link.feed(PONG)


def test_a_link_ends_after_looks_in_silence(link, clock):
    for _ in range(keepalive.LOOKS):
        clock.look()
    assert link.error is None
    clock.look()
    assert isinstance(link.error, ConnectionLost) and "silent for 300 seconds" in str(link.error)
    assert link.process.has_ended_input and link.process.killed and not clock.due


@pytest.mark.parametrize("size", [9, 3], ids=["a frame", "a part of one"])
def test_any_byte_is_a_sign_of_life(link, clock, size):
    for start in range(0, len(PONG), size):
        for _ in range(keepalive.LOOKS):
            clock.look()
        link.feed(PONG[start : start + size])
    assert link.error is None


def test_a_link_that_has_ended_is_looked_at_no_more(link, clock):
    link.fail(ConnectionLost("test", "it has gone"))
    clock.look()
    assert not clock.due and not link.process.sent and not link.process.killed


def test_an_orphaned_slave_tells_of_it(link, clock):
    told = []
    link.on_orphaned.append(lambda: told.append(link.error))
    clock.look()
    link.feed(PONG)
    assert told == []
    clock.look()
    link.feed(wire.frame(wire.PONG, 0, wire.ORPHANED))
    assert told == [None]


def test_a_long_answer_to_a_ping_breaks_a_link(link, clock):
    clock.look()
    link.feed(wire.frame(wire.PONG, 0, 1000 * b"x"))
    assert link.error is not None


@pytest.fixture
def waiting_slave():
    """A slave in this process, and the descriptor by which it hears of its controller."""
    (downward, controllers), (theirs, upward) = os.pipe(), os.pipe()

    class Importer:
        store = store.Store()

    made = slave.Slave(upward, downward, Importer(), b"")
    os.set_blocking(downward, False)
    yield made, controllers
    made._loop.close()
    for descriptor in (downward, controllers, theirs, upward):
        os.close(descriptor)


def test_a_slave_ends_after_looks_in_silence(waiting_slave):
    made, controllers = waiting_slave
    for _ in range(3):
        for _ in range(slave._LOOKS):
            made._look()
            assert not made._ending
        os.write(controllers, b"\7")  # the first byte of a frame
        made._receive()
    for _ in range(slave._LOOKS):
        made._look()
    assert not made._ending
    made._look()
    assert made._ending


def test_a_slave_is_as_patient_as_its_controller():
    assert slave._LOOK * slave._LOOKS >= keepalive.PAUSE * keepalive.LOOKS
    assert slave._LOOK > 2 * keepalive.PAUSE
