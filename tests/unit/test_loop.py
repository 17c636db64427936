"""The order in which the loop calls back."""

import os
import select
import time

import pytest

from econtext.target.loop import Loop, Writer, read


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


# Systems whose `poll` is missing, or refuses terminals


def no_poll(monkeypatch):
    monkeypatch.delattr(select, "poll")


def poll_without_terminals(monkeypatch):
    """As macOS's: a terminal is no descriptor."""
    real = select.poll

    class Poll:
        def __init__(self):
            self._poll, self._refused = real(), {}
            self.register = lambda fd, mask: self._of(fd)(fd, mask)

        def _of(self, fd):
            return self._refused.__setitem__ if os.isatty(fd) else self._poll.register

        def unregister(self, fd):
            if self._refused.pop(fd, None) is None:
                self._poll.unregister(fd)

        def poll(self, timeout):
            refused = [(fd, select.POLLNVAL) for fd in self._refused]
            return refused + self._poll.poll(0 if refused else timeout)

    monkeypatch.setattr(select, "poll", Poll)


@pytest.mark.parametrize("change", [no_poll, poll_without_terminals])
def test_a_terminal_and_a_pipe_are_watched_all_the_same(monkeypatch, change):
    """What is written arrives, and waits for its reader; the loop sleeps while nothing is there."""
    change(monkeypatch)
    loop, got, is_over = Loop(), {"terminal": b"", "pipe": b""}, []
    ends = {"terminal": os.openpty(), "pipe": os.pipe()}

    def readable(name):
        got[name] += read(ends[name][0]) or b""

    for name, (reading, _) in ends.items():
        os.set_blocking(reading, False)
        loop.add_reader(reading, lambda name=name: readable(name))
    for name, (reading, _) in 20 * [*ends.items()]:  # as of a child that is paused and goes on
        loop.add_reader(reading, lambda name=name: readable(name))
        loop.call_later(0, lambda: None)
        loop.run_once()
    loop.call_later(0.2, lambda: is_over.append(True))
    rounds = 0
    while not is_over:
        loop.run_once()
        rounds += 1
    assert rounds < 30 and not any(got.values())
    writer = Writer(loop, ends["pipe"][1])
    os.write(ends["terminal"][1], b"said\n")
    loop.call_later(0.01, lambda: writer.write(b"more"))
    deadline = time.monotonic() + 20
    while not all(got.values()):
        loop.run_once()
        assert time.monotonic() < deadline
    assert got == {"terminal": b"said\r\n", "pipe": b"more"}
    for reading, _ in ends.values():
        loop.remove_reader(reading)
    loop.close()


def test_a_writer_waits_for_its_reader_without_poll(monkeypatch):
    no_poll(monkeypatch)
    loop, data = Loop(), os.urandom(1 << 20)
    reading, writing = os.pipe()
    writer, got = Writer(loop, writing), []
    loop.add_reader(reading, lambda: got.append(os.read(reading, 1 << 16)))
    writer.write(data)
    while sum(map(len, got)) < len(data):
        loop.run_once()
    assert b"".join(got) == data
    writer.close()
    loop.remove_reader(reading)
    loop.close()
