"""The start of a slave, with a command that is none."""

import gc
import re
import weakref

import pytest

from econtext.controller import launch, prompts
from econtext.controller.errors import LaunchError
from econtext.target import codec, wire
from econtext.target.loop import Loop

from .test_link import GREETING


class Command:
    """Command that notes what it is given."""

    on_output = on_exit = on_input_written = None

    def __init__(self, loop, argv, terminal):
        self.credited = 0
        self.killed = False

    def start_reading(self):
        pass

    def write(self, stream, data):
        pass

    def credit(self, size):
        self.credited += size

    def kill(self):
        self.killed = True


@pytest.mark.parametrize("first", [b"", b"Welcome!\n", wire.MAGIC])
@pytest.mark.parametrize("stream", [wire.STDOUT, wire.STDERR])
def test_what_comes_after_a_failed_start_is_dropped(monkeypatch, first, stream):
    """A command that does not end at once, or never, would fill the memory."""
    monkeypatch.setattr(launch, "Command", Command)
    outcomes = []
    starting = launch.Starting(Loop(), launch.Launch("test", ("ssh",)), None, outcomes.append)
    command = starting._process
    command.on_output(wire.STDOUT, first)
    starting.close()
    before = dict(vars(starting)), dict(vars(starting._link))
    for _ in range(10):
        command.on_output(stream, wire.MAX_DATA * b"x")
    assert (dict(vars(starting)), dict(vars(starting._link))) == before
    assert command.killed and command.credited == len(first) + 10 * wire.MAX_DATA
    [error] = outcomes
    assert isinstance(error, LaunchError)


class Password(str):
    """Text of which can be told whether an object still has it."""


ENDS = {
    "a greeting": wire.MAGIC + wire.frame(wire.HELLO, 0, codec.encode(GREETING)),
    "no slave": wire.MAGIC + wire.frame(wire.EXIT, 1, codec.encode(0)),
    "a wrong password": b"Sorry",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_password_is_kept_until_it_is_not_needed_any_more(monkeypatch, end):
    """The slave may live for days, and with it what has started it."""
    monkeypatch.setattr(launch, "Command", Command)
    password = Password("secret")
    kept = weakref.ref(password)
    dialogue = prompts.Dialogue(prompt=re.compile(b"Password:"), password=password)
    plan = launch.Launch("test", ("sudo",), dialogue._replace(incorrect=(b"Sorry",)))
    outcomes = []
    gc.disable()
    try:
        starting = launch.Starting(Loop(), plan, None, outcomes.append)
        del password, dialogue, plan
        command = starting._process
        command.on_output(wire.STDERR, b"Password:")
        assert kept() is not None
        command.on_output(wire.STDERR if end == b"Sorry" else wire.STDOUT, end)
        assert len(outcomes) == 1 and kept() is None
    finally:
        gc.enable()
