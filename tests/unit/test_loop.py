"""The order in which the loop calls back."""

import os

import pytest

from econtext.target.loop import Loop, Writer


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


def test_what_goes_out_does_not_wait_for_a_timer(loop):
    """A slave sends a result, and only then forks what the next call will need."""
    called = []
    read, write = os.pipe()

    def readable():
        os.read(read, 1)
        loop.call_later(0, lambda: called.append("timer"))
        loop.soon(lambda: called.append("soon"))

    loop.add_reader(read, readable)
    os.write(write, b"x")
    while len(called) < 2:
        loop.run_once()
    assert called == ["soon", "timer"]
    os.close(read)
    os.close(write)


def test_what_a_timer_leaves_for_soon_does_not_wait_for_input(loop):
    called = []
    loop.call_later(0, lambda: loop.soon(lambda: called.append("soon")))
    loop.run_once()
    while not called:
        loop.run_once()
    assert called == ["soon"]


def test_soon_before_the_loop_runs(loop):
    called = []
    loop.soon(lambda: loop.soon(lambda: called.append("soon")))
    loop.run_once()
    assert called == ["soon"]


def test_what_is_written_in_parts_is_not_copied_for_each(loop):
    """A copy of the rest for each part takes time by the square of the length."""
    data = os.urandom(1 << 20)
    read, write = os.pipe()
    writer = Writer(loop, write)
    writer.write(data)
    assert 0 < writer.waiting < len(data)
    assert [memoryview(part).obj for part in writer._waiting] == [data]
    got = b""
    while writer.waiting:
        got += os.read(read, 1 << 20)
        loop.run_once()
    writer.close()
    while part := os.read(read, 1 << 20):
        got += part
    assert got == data
    os.close(read)
