"""A slave without a controller: what it does with each frame, right or wrong."""

import hashlib
import os
import pathlib
import resource
import subprocess
import zlib

import pytest

from econtext.boot import bundle, first_stage
from econtext.target import codec, compression, flow_control, wire
from tests.support import processes

from . import waiting

#: Writes for ever.
ENDLESS = ["/bin/sh", "-c", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done"]


class Slave:
    """One that was started by hand."""

    def __init__(self, python: str) -> None:
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", first_stage.command([python])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._reader = wire.Reader(wire.UPWARD)
        self._messages: list[tuple[int, int, bytes]] = []
        self.received = 0
        self.write(bundle.bundle())
        data = b""
        while len(data) < len(wire.MAGIC):
            data += self._read(len(wire.MAGIC) - len(data))
        assert data == wire.MAGIC
        kind, _, body = self.receive()
        assert kind == wire.HELLO
        self.pid = codec.decode(body)["pid"]  # the process that was started may be a shell

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        while data:
            data = data[os.write(self.process.stdin.fileno(), data) :]

    def _read(self, size: int) -> bytes:
        assert self.process.stdout is not None
        data = os.read(self.process.stdout.fileno(), size)
        assert data, "the slave has ended"
        self.received += len(data)
        return data

    def send(self, kind: int, channel: int, value: object) -> None:
        self.write(wire.frame(kind, channel, codec.encode(value)))

    def command(self, channel: int, argv: list[str], terminal: bool = False) -> None:
        self.send(wire.OPEN, channel, {"argv": argv, "terminal": terminal})

    def hang(self, channel: int) -> None:
        """A command that does not end by itself; it is there when this returns."""
        self.command(channel, ["sleep", "600"])
        self.write(wire.frame(wire.PING, channel, b""))
        assert self.receive() == (wire.PONG, channel, b"")
        waiting.to_be_ended(self.process.pid)

    def receive(self) -> tuple[int, int, bytes]:
        while not self._messages:
            self._messages += self._reader.feed(self._read(65536))
        return self._messages.pop(0)

    def until(self, wanted: int) -> list[tuple[int, int, bytes]]:
        """The messages up to one of this kind."""
        messages = [self.receive()]
        while messages[-1][0] != wanted:
            messages.append(self.receive())
        return messages

    def end(self) -> tuple[int, bytes]:
        """Its exit status and what it said, after the end of its input."""
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@pytest.fixture
def slave(python):
    made = Slave(python)
    with made.process:
        yield made
        if made.process.poll() is None:
            made.process.communicate(timeout=30)


def data_of(messages, stream):
    split = [wire.split_data(body) for kind, _, body in messages if kind == wire.DATA]
    return b"".join(data for number, data in split if number == stream)


def status_of(messages):
    [body] = [body for kind, _, body in messages if kind == wire.EXIT]
    return codec.decode(body)


def test_a_command(slave):
    slave.command(1, ["/bin/sh", "-c", "cat; echo bad >&2; exit 3"])
    slave.write(wire.data_frame(1, wire.STDIN, b"input\n"))
    slave.write(wire.frame(wire.END, 1, wire.stream_byte(wire.STDIN)))
    messages = slave.until(wire.EXIT)
    assert data_of(messages, wire.STDOUT) == b"input\n"
    assert data_of(messages, wire.STDERR) == b"bad\n"
    assert status_of(messages) == 3
    assert slave.end() == (0, b"")


def test_a_command_that_does_not_exist(slave):
    slave.command(1, ["/no/such/program"])
    result, end = slave.until(wire.EXIT)
    assert codec.decode(result[2])[0] == "failed" and "No such file" in codec.decode(result[2])[1]
    assert codec.decode(end[2]) == 127


def test_bytes_that_are_not_utf_8_stay_as_they_are(slave):
    """In paths, in both directions: Python 2.7 made another path of them."""
    slave.command(1, ["printf", "%s", "caf\udce9 \udc80\udcff \u00e9\U0001f600"])
    data = data_of(slave.until(wire.EXIT), wire.STDOUT)
    assert data == b"caf\xe9 \x80\xff \xc3\xa9\xf0\x9f\x98\x80"
    call(slave, 2, "from_native", data, module="econtext.target.compat")
    text = codec.decode(slave.until(wire.RESULT)[-1][2])[1]
    assert text == "caf\udce9 \udc80\udcff \u00e9\U0001f600"


def test_a_command_with_a_terminal(slave):
    """It controls the command's session, and none of its own streams leads there."""
    script = "test -t 0 || test -t 1 || test -t 2 || read x </dev/tty; echo got $x >/dev/tty"
    slave.command(1, ["/bin/sh", "-c", script], terminal=True)
    slave.write(wire.data_frame(1, wire.TERMINAL, b"an answer\n"))
    messages = slave.until(wire.EXIT)
    # What was typed is not shown: it may be a password.
    assert data_of(messages, wire.TERMINAL) == b"got an answer\r\n"
    assert data_of(messages, wire.STDOUT) + data_of(messages, wire.STDERR) == b""


def test_close_ends_a_command(slave):
    slave.hang(1)
    slave.write(wire.frame(wire.CLOSE, 1))
    assert status_of(slave.until(wire.EXIT)) == -15


def test_no_more_is_sent_than_there_is_credit_for(slave):
    """Whoever reads slowly is not flooded, and what else there is to say is said at once."""
    slave.command(1, ENDLESS)
    received = 0
    while received < flow_control.WINDOW:
        kind, _, body = slave.receive()
        assert kind == wire.DATA
        received += len(body) - 1
    assert received == flow_control.WINDOW
    slave.write(wire.frame(wire.PING, 7, b"still there?"))
    assert slave.receive() == (wire.PONG, 7, b"still there?")
    slave.write(wire.credit_frame(1, 1000) + wire.frame(wire.PING, 7, b"and now?"))
    messages = slave.until(wire.DATA)
    while len(data_of(messages, wire.STDOUT)) < 1000:
        messages += slave.until(wire.DATA)
    assert len(data_of(messages, wire.STDOUT)) == 1000
    slave.write(wire.frame(wire.CLOSE, 1) + wire.credit_frame(1, flow_control.WINDOW))
    slave.until(wire.EXIT)


def test_credit_is_given_for_what_a_command_has_read(slave):
    slave.command(1, ["cat"])
    sent = 3 * flow_control.WINDOW
    granted = given = 0
    open_window = flow_control.WINDOW
    while granted < sent - flow_control.GRANT:
        while open_window >= wire.MAX_DATA and given < sent:
            part = min(wire.MAX_DATA, sent - given)
            slave.write(wire.data_frame(1, wire.STDIN, part * b"x"))
            given, open_window = given + part, open_window - part
        kind, _, body = slave.receive()
        if kind == wire.CREDIT:
            granted += wire.credit_amount(body)
            open_window += wire.credit_amount(body)
        elif kind == wire.DATA:
            slave.write(wire.credit_frame(1, len(body) - 1))
    assert granted <= sent


def rests(slave):
    """Wait until the slave takes no more of what it is given."""
    state, looks = pathlib.Path(f"/proc/{slave.pid}/stat"), []

    def is_seen():
        looks.append(state.read_text().rpartition(")")[2].split()[0])
        return looks[-10:] == 10 * ["S"]

    processes.until(20, is_seen, "the slave takes no more output")


def test_output_that_nobody_reads_waits_in_the_command(slave):
    """What comes after it is not behind a whole window of it."""
    slave.command(1, ["cat", "/dev/zero"])
    slave.until(wire.DATA)
    rests(slave)
    slave.write(wire.frame(wire.PING, 7))
    before = slave.until(wire.PONG)
    assert len(data_of(before, wire.STDOUT)) < flow_control.WINDOW // 2
    while len(data_of(before, wire.STDOUT)) < flow_control.WINDOW - 2 * wire.MAX_DATA:
        before += slave.until(wire.DATA)  # it goes on all the same
    slave.write(wire.frame(wire.CLOSE, 1) + wire.credit_frame(1, flow_control.WINDOW))
    slave.until(wire.EXIT)


def test_log_records_that_nobody_reads_wait_in_the_call(slave):
    """They have no credit: they filled the slave's memory."""
    statement = "logging.warning(1000 * 'x')"
    options = ["-n", "20000", "-r", "1", "-s", "import logging", statement]
    call(slave, 1, "main", options, module="timeit")
    slave.until(wire.LOG)
    rests(slave)
    slave.write(wire.frame(wire.PING, 7))
    before = slave.until(wire.PONG)
    assert sum(len(body) for _, _, body in before) < flow_control.WINDOW
    whole = before + slave.until(wire.RESULT)  # it goes on all the same
    assert len(of_kind(whole, wire.LOG)) == 20000 - 1


def test_a_slave_packs_for_whoever_packs(slave):
    slave.command(1, ["head", "-c", "100000", "/dev/zero"])
    size, messages = slave.received, slave.until(wire.EXIT)
    assert slave.received - size > len(data_of(messages, wire.STDOUT)) == 100000
    written = []
    outlet = compression.Outlet(written.append)
    outlet.pack()
    request = {"argv": ["head", "-c", "100000", "/dev/zero"], "terminal": False}
    outlet.send(wire.OPEN, 2, codec.encode(request))
    slave.write(b"".join(written))
    size, messages = slave.received, slave.until(wire.EXIT)
    assert len(data_of(messages, wire.STDOUT)) == 100000
    assert slave.received - size < 10000


def test_what_is_kept_is_relayed(slave):
    """To a slave of the slave, from memory: it was not sent again, so no credit is due for it."""
    content = os.urandom(2 * flow_control.WINDOW)
    digest = hashlib.sha256(content).digest()
    slave.write(wire.frame(wire.STORE, 0, zlib.compress(codec.encode([content]))))
    slave.command(1, ["/bin/sh", "-c", "wc -c"])
    slave.send(wire.RELAY, 1, None)
    slave.send(wire.RELAY, 1, [digest])
    slave.write(wire.frame(wire.END, 1, wire.stream_byte(wire.STDIN)))
    messages = slave.until(wire.EXIT)
    assert int(data_of(messages, wire.STDOUT)) > len(content) + len(bundle.bundle())
    assert not [kind for kind, _, _ in messages if kind == wire.CREDIT]


@pytest.mark.parametrize(
    "frames, words",
    [
        (wire.frame(wire.RESULT, 1, b"N"), b"a frame of kind 17"),
        (b"\x01\0\0\0\1\xff\xff\xff\xff", b"a frame of 4294967295 bytes"),
        (b"\x01\0\0\0\1\0\0\0\1l", b"bytes are missing"),
    ],
    ids=["kind", "length", "value"],
)
def test_a_controller_that_breaks_the_rules(slave, frames, words):
    """The slave ends, and says why: there is nobody left whom it could serve."""
    slave.hang(1)
    family = processes.family(slave.process.pid)
    slave.write(frames)
    status, errors = slave.end()
    assert status == 1 and words in errors
    processes.gone(family)


def test_more_input_than_credit(slave):
    slave.hang(1)
    slave.write(
        (flow_control.WINDOW // wire.MAX_DATA + 1) * wire.data_frame(1, 0, wire.MAX_DATA * b"x")
    )
    status, errors = slave.end()
    assert status == 1 and b"more data than credit" in errors


def test_the_end_of_input_is_the_end(slave):
    slave.hang(1)
    slave.command(2, ["cat"])
    assert slave.end() == (0, b"")


def call(slave, channel, function, *arguments, after=0, module="os"):
    if after:
        slave.send(wire.AFTER, channel, after)
    request = {"module": module, "function": function, "arguments": arguments}
    slave.send(wire.CALL, channel, {**request, "keywords": {}, "offered": (), "log_level": 30})


def of_kind(messages, kind):
    return [channel for each, channel, _ in messages if each == kind]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of other processes: Linux")
def test_a_slave_at_its_limit_of_open_files_lives_on(slave):
    """Each call fails with the system's words, until there is room again."""
    call(slave, 1, "getppid")
    pid = codec.decode(slave.until(wire.RESULT)[-1][2])[1]
    slave.until(wire.EXIT)
    # Below this one, a spare has some descriptors at the most: too few for a call process.
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    most = min(set(range(1000)) - used)
    call(slave, 2, "read", 0, 1)
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    call(slave, 3, "getpid")
    slave.until(wire.RESULT)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, usual[1]))
    slave.send(wire.SOURCES, 0, [])  # ends the spare
    call(slave, 4, "getpid")
    failed = codec.decode(slave.until(wire.RESULT)[-1][2])
    call(slave, 5, "getpid")
    assert codec.decode(slave.until(wire.RESULT)[-1][2]) == failed
    slave.write(wire.data_frame(2, wire.STDIN, b"x"))
    assert codec.decode(slave.until(wire.RESULT)[-1][2]) == ("value", b"x")
    assert failed[0] == "failed" and "Too many open files" in failed[1]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
    call(slave, 6, "getpid")
    assert codec.decode(slave.until(wire.RESULT)[-1][2])[0] == "value"
    assert slave.end() == (0, b"")


def test_a_call_waits_for_the_one_before_it(slave):
    call(slave, 1, "read", 0, 1)
    call(slave, 2, "getpid", after=1)
    call(slave, 3, "write", 1, b"out", after=2)
    slave.write(wire.frame(wire.END, 3, wire.stream_byte(wire.STDIN)))
    call(slave, 4, "getpid")
    assert of_kind(slave.until(wire.RESULT), wire.RESULT) == [4]
    slave.write(wire.data_frame(1, wire.STDIN, b"x"))
    messages = [message for _ in range(3) for message in slave.until(wire.RESULT)]
    assert of_kind(messages, wire.RESULT) == [1, 2, 3]
    assert of_kind(messages, wire.DATA) == [3]


def test_a_call_begins_when_the_one_before_it_was_ended(slave):
    call(slave, 1, "read", 0, 1)
    call(slave, 2, "getpid", after=1)
    slave.write(wire.frame(wire.CLOSE, 1))
    assert of_kind(slave.until(wire.RESULT), wire.RESULT) == [2]


def test_a_call_that_is_given_up_never_begins(slave):
    """What came after it still waits for the one before it."""
    call(slave, 1, "read", 0, 1)
    call(slave, 2, "write", 1, b"never", after=1)
    call(slave, 3, "getpid", after=2)
    slave.write(wire.frame(wire.CLOSE, 2))
    [end] = slave.until(wire.EXIT)
    assert end[1] == 2
    slave.write(wire.data_frame(1, wire.STDIN, b"x"))
    messages = slave.until(wire.RESULT) + slave.until(wire.RESULT)
    assert of_kind(messages, wire.RESULT) == [1, 3]
    assert not of_kind(messages, wire.DATA)


def test_a_call_after_one_that_is_gone_begins_at_once(slave):
    call(slave, 1, "getpid")
    slave.until(wire.EXIT)
    call(slave, 2, "getpid", after=1)
    assert of_kind(slave.until(wire.RESULT), wire.RESULT) == [2]


def test_what_waits_is_dropped_when_the_slave_ends(slave, tmp_path):
    call(slave, 1, "read", 0, 1)
    call(slave, 2, "mkdir", str(tmp_path / "made"), after=1)
    assert slave.end()[0] == 0
    assert not (tmp_path / "made").exists()
