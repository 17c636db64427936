"""The start of a slave, with a command that is none."""

import pytest

from econtext.controller import launch
from econtext.controller.errors import LaunchError
from econtext.target import wire
from econtext.target.loop import Loop


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
    starting.abandon()
    before = dict(vars(starting)), dict(vars(starting._link))
    for _ in range(10):
        command.on_output(stream, wire.MAX_DATA * b"x")
    assert (dict(vars(starting)), dict(vars(starting._link))) == before
    assert command.killed and command.credited == len(first) + 10 * wire.MAX_DATA
    [error] = outcomes
    assert isinstance(error, LaunchError)
