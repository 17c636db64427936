"""The controller's end of a link: what a slave says is checked against what was asked."""

import importlib
import logging
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econtext.controller.channels import Call, RemoteCommand
from econtext.controller.errors import CallDied, CallError, ConnectionLost
from econtext.controller.link import MAX_ANSWERS, Link
from econtext.target import codec, flow_control, wire

GREETING = {
    "pid": 7,
    "uid": 0,
    "user": "me",
    "home": "/home/me",
    "directory": "/home/me",
    "executable": "/usr/bin/python3",
    "python": [3, 11, 2],
}
REQUEST = {"module": "os", "function": "getpid", "offered": ("offered_by_tests",), "log_level": 20}


class FakeProcess:
    """In place of the command that leads to a slave; keeps what is sent to it."""

    def __init__(self):
        self.sent = []
        self.killed = False
        self._reader = wire.Reader(wire.DOWNWARD)

    def write(self, stream, data):
        self.sent += self._reader.feed(data)

    def kill(self):
        self.killed = True

    def end(self, stream):
        pass

    def credit(self, size):
        pass


@pytest.fixture
def link():
    made = Link("test", FakeProcess())
    made.feed(wire.frame(wire.HELLO, 0, codec.encode(GREETING)))
    assert made.greeting == GREETING
    return made


def test_a_call_and_its_answer(link):
    call = Call(link, REQUEST)
    [(kind, channel, body)] = link.process.sent
    assert (kind, channel) == (wire.CALL, call.number)
    assert codec.decode(body)["function"] == "getpid"
    link.feed(wire.frame(wire.RESULT, channel, codec.encode(("value", 12))))
    link.feed(wire.frame(wire.EXIT, channel, codec.encode(0)))
    assert call.future.result(0) == 12
    assert link.error is None


@pytest.mark.parametrize(
    "frames, error",
    [
        ([(wire.RESULT, ("error", "ValueError", "text", "trace"))], CallError),
        ([(wire.RESULT, ("failed", "too many processes"))], CallError),
        ([(wire.EXIT, -9)], CallDied),
        ([(wire.EXIT, 3)], CallDied),
    ],
)
def test_other_ends_of_a_call(link, frames, error):
    call = Call(link, REQUEST)
    for kind, value in frames:
        link.feed(wire.frame(kind, call.number, codec.encode(value)))
    assert isinstance(call.future.exception(0), error)
    assert link.error is None


def test_a_call_that_is_cancelled_while_its_result_comes(link, monkeypatch):
    """Threads that wait for it are told once: a second time is an error of `concurrent`."""
    call = Call(link, REQUEST)
    monkeypatch.setattr(call.future, "done", lambda: False)  # it was not, a moment before
    assert call.future.cancel()
    link.feed(wire.frame(wire.RESULT, call.number, codec.encode(("value", 12))))
    call.cancelled()
    assert link.error is None and call.future.cancelled()


# What breaks the link


def on(channel, kind, body=b""):
    """Bytes of one frame; `body` is encoded where it is not bytes."""
    return wire.frame(kind, channel, body if isinstance(body, bytes) else codec.encode(body))


#: A value of 262,144 empty sets.
MANY_ITEMS = b"t\0\0\0\2" + codec.encode("value") + b"l\0\4\0\0" + (1 << 18) * b"s\0\0\0\0"

VIOLATIONS = {
    "a second greeting": on(0, wire.HELLO, GREETING),
    "a kind that only we send": wire.frame(wire.OPEN, 1, b""),
    "junk": b"Segmentation fault (core dumped)\n",
    "a frame that is too long": b"\x11\0\0\0\1\0\2\0\0",
    "a channel that was never opened": on(2, wire.RESULT, ("value", 1)),
    "data for a channel that was never opened": wire.data_frame(2, wire.STDOUT, b"x"),
    "the end of a channel that was never opened": on(0, wire.EXIT, 0),
    "a channel that has ended": on(1, wire.EXIT, 0) + on(1, wire.RESULT, ("value", 1)),
    "a result of no form": on(1, wire.RESULT, 12),
    "a result of an unknown form": on(1, wire.RESULT, ("value", 1, 2)),
    "an error that is not text": on(1, wire.RESULT, ("error", "ValueError", b"text", None)),
    "a result that is no value": on(1, wire.RESULT, b"l\0\0\0\1"),
    "a result of many items": on(1, wire.RESULT, MANY_ITEMS),
    "a status that is no number": on(1, wire.EXIT, "0"),
    "a status that is nearly one": on(1, wire.EXIT, True),
    "a status that no process has": on(1, wire.EXIT, -(10**3000)),
    # What costs the slave nothing: packed, 64 KiB of it keep the broker busy for seconds.
    "data without content": wire.data_frame(1, wire.STDOUT, b""),
    "credit for no bytes": wire.credit_frame(1, 0),
    "the end of a stream": on(1, wire.END, wire.stream_byte(wire.STDOUT)),
    "a long status": on(1, wire.EXIT, 1000 * [0]),
    "a long log record": on(1, wire.LOG, (20, "name", (1 << 18) * "x")),
    "a second result": 2 * on(1, wire.RESULT, ("value", 1)),
    "a long question": wire.frame(wire.WANT, 1, b"offered_by_tests." + 70_000 * b"x"),
    "a log record that is none": on(1, wire.LOG, (20, "name")),
    "a log record without text": on(1, wire.LOG, (20, "name", b"text")),
    "a stream that does not exist": wire.data_frame(1, 9, b"x"),
    "data without a stream": on(1, wire.DATA, b""),
    "more data than credit": (
        (flow_control.WINDOW // wire.MAX_DATA + 1)
        * wire.data_frame(1, wire.STDOUT, wire.MAX_DATA * b"x")
    ),
    "credit for nothing": wire.credit_frame(1, 1),
    "credit of no form": on(1, wire.CREDIT, b"12345"),
    "a module that was not offered": on(1, wire.WANT, b"json"),
    "a module for a channel that was never opened": on(2, wire.WANT, b"offered_by_tests"),
    "a message without end": (flow_control.WINDOW * 65 // wire.MAX_BODY)
    * (b"\x91\0\0\0\1\0\1\0\0" + wire.MAX_BODY * b"x"),
}


def test_a_log_record_that_was_not_asked_for_breaks_a_link(link):
    Call(link, {**REQUEST, "log_level": None})
    link.feed(on(1, wire.LOG, (20, "name", "text")))
    assert isinstance(link.error, ConnectionLost)


def test_a_fault_of_ours_ends_the_link_and_each_channel_is_told(link, monkeypatch):
    """Else what the slave waits for, or a caller, would never come."""

    def fault(*_):
        raise RuntimeError("a fault of ours")

    first, second = Call(link, REQUEST), Call(link, REQUEST)
    monkeypatch.setattr(first, "output", fault)
    monkeypatch.setattr(first, "lost", fault)
    ends = []
    link.on_end += [fault, ends.append]
    link.feed(wire.data_frame(first.number, wire.STDOUT, b"data"))
    assert "a fault of ours" in str(link.error) and link.process.killed
    assert second.future.exception(0) is link.error and ends == [link.error]


def test_packed_frames_are_handled_one_after_another(link):
    """A thousandth of the memory: the first one at fault ends it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, wire.MAX_BITS)
    pieces = []
    for _ in range(20):
        piece = deflate.compress(25_000 * on(0, wire.PONG)) + deflate.flush(zlib.Z_SYNC_FLUSH)
        pieces.append(wire.frame(wire.PACKED, 0, piece))
    tracemalloc.start()
    link.feed(b"".join(pieces))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert link.error is not None and most < 8 << 20


@pytest.mark.parametrize(
    "part",
    [
        {"pid": True},
        {"pid": 10**30},
        {"uid": -1},
        {"home": "/" * 5000},
        {"user": None},
        {"python": [3, 11]},
        {"python": [3, 11, "2"]},
    ],
)
def test_a_greeting_of_no_usual_form_or_size_breaks_a_link(part):
    made = Link("test", FakeProcess())
    made.feed(wire.frame(wire.HELLO, 0, codec.encode({**GREETING, **part})))
    assert isinstance(made.error, ConnectionLost)
    assert made.greeting == {} and made.process.killed


def test_a_home_that_is_not_utf_8_stays_the_same_path():
    """As a Python 2 sends it."""
    made = Link("test", FakeProcess())
    made.feed(wire.frame(wire.HELLO, 0, codec.encode({**GREETING, "home": b"/home/caf\xe9"})))
    assert made.greeting["home"] == "/home/caf\udce9"


@pytest.mark.parametrize("data", VIOLATIONS.values(), ids=VIOLATIONS)
def test_what_breaks_a_link(link, data, monkeypatch):
    def credit_is_not_given(*arguments):
        """As when the controller has no time to take what comes."""

    monkeypatch.setattr(Call, "credit", credit_is_not_given)
    call = Call(link, REQUEST)
    ends = []
    link.on_end.append(ends.append)
    link.feed(data)
    assert isinstance(link.error, ConnectionLost)
    assert "broke the protocol" in str(link.error)
    assert link.process.killed
    assert ends == [link.error]
    assert call.future.done()  # whoever waits is told
    sent = len(link.process.sent)
    link.feed(on(1, wire.WANT, b"offered_by_tests"))  # it is of no more use
    assert len(link.process.sent) == sent
    with pytest.raises(ConnectionLost):
        Call(link, REQUEST)


def test_a_long_failure_of_a_command_breaks_a_link_unread(link):
    """To decode it would keep all hosts waiting, 20 MiB of it for a minute."""
    command = RemoteCommand(link, ["true"], False)
    link.feed(on(command.number, wire.RESULT, b"l\0\1\0\0" + (1 << 16) * b"N"))
    assert "too long" in str(link.error)


def test_a_channel_is_closed_once(link):
    """A slave that goes on printing, and reads nothing, would have the broker keep each."""
    command = RemoteCommand(link, ["true"], False)
    for _ in range(3):
        command.kill()
    assert [kind for kind, _, _ in link.process.sent] == [wire.OPEN, wire.CLOSE]


def test_a_command_has_no_result(link):
    command = RemoteCommand(link, ["true"], False)
    link.feed(on(command.number, wire.RESULT, ("value", 1)))
    assert "broke the protocol" in str(link.error)


@pytest.mark.parametrize(
    "greeting",
    [None, [], {}, {**GREETING, "pid": "7"}, {**GREETING, "python": "3.11"}, {"pid": 7}],
    ids=repr,
)
def test_what_is_no_greeting(greeting):
    link = Link("test", FakeProcess())
    link.feed(wire.frame(wire.HELLO, 0, codec.encode(greeting)))
    assert "broke the protocol" in str(link.error)


@given(st.binary(), st.sampled_from(sorted(wire.UPWARD)), st.integers(0, 2))
def test_junk_in_a_frame(body, kind, channel):
    """Whatever is in it: it is taken, or the link breaks; no other exception."""
    link = Link("test", FakeProcess())
    link.feed(wire.frame(wire.HELLO, 0, codec.encode(GREETING)))
    Call(link, REQUEST)
    link.feed(wire.frame(kind, channel, body))
    assert link.error is None or "broke the protocol" in str(link.error)


# Modules


@pytest.fixture
def offered(tmp_path, monkeypatch):
    (tmp_path / "offered_by_tests.py").write_text("VALUE = 1\n", encoding="ascii")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()


def answers(link):
    return [codec.decode(body) for kind, channel, body in link.process.sent if kind == wire.SOURCES]


def test_a_module_that_was_offered_is_given(link, offered):
    Call(link, REQUEST)
    link.feed(on(1, wire.WANT, b"offered_by_tests"))
    link.feed(on(1, wire.WANT, b"offered_by_tests.nothing"))
    [[entry], [none]] = answers(link)
    assert entry[:3] == ("offered_by_tests", False, "memory:offered_by_tests.py")
    assert none == ("offered_by_tests.nothing",)
    assert link.error is None


@pytest.mark.parametrize("name", [b"os", b"offered_by_tests2", b"", b".", b"\xff", b"antigravity"])
def test_nothing_else_is_given(link, offered, name):
    Call(link, REQUEST)
    link.feed(on(1, wire.WANT, name))
    assert all(len(entry) == 1 for entries in answers(link) for entry in entries)
    assert not [kind for kind, _, _ in link.process.sent if kind == wire.STORE]


def test_a_name_that_is_all_dots_does_no_harm(link, offered):
    call = Call(link, REQUEST)
    link.feed(on(1, wire.WANT, b"offered_by_tests" + 30_000 * b".x"))
    link.feed(on(1, wire.RESULT, ("value", 1)))
    assert call.future.result(0) == 1


# Logs


def test_log_records_do_not_fill_the_memory(link):
    """Loggers live for ever: a slave must not make as many of them as it likes."""
    Call(link, REQUEST)
    before = len(logging.root.manager.loggerDict)
    for number in range(300):
        link.feed(on(1, wire.LOG, (logging.INFO, f"name{number}", "text")))
    link.feed(on(1, wire.LOG, (logging.INFO, 300 * "a.", "text")))
    assert link.error is None
    assert len(logging.root.manager.loggerDict) - before < 300


def test_log_records_are_forwarded(link, caplog):
    caplog.set_level(logging.DEBUG, "econtext")
    Call(link, REQUEST)
    link.feed(on(1, wire.LOG, (logging.WARNING, "module.part", "100 % of it")))
    [record] = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "econtext.test")
    assert record.getMessage() == "module.part: 100 % of it"


def test_nothing_that_a_terminal_would_obey_is_logged(link, caplog):
    caplog.set_level(logging.DEBUG, "econtext")
    Call(link, REQUEST)
    link.feed(on(1, wire.LOG, (logging.WARNING, "na\x1bme", "two\nlines\t\x1b]0;title\a \udc9b")))
    link.feed(wire.data_frame(1, wire.STDOUT, b"pri\x1b[31mnted\n"))
    link.said(b"sa\x1b[2Jid\xc2\x9b\n")
    texts = [record.getMessage() for record in caplog.records]
    assert texts == [
        "na?me: two\nlines\t?]0;title? ?",
        "pri?[31mnted",
        "test: stderr: sa?[2Jid?",
    ]


# A link that is slower than what is sent over it


class SlowProcess(FakeProcess):
    """Takes what it is sent when `take` is called."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def write(self, stream, data):
        super().write(stream, data)
        self.waiting.append(len(data))

    def take(self):
        self.on_input_written(self.waiting.pop(0))


def test_questions_whose_answers_are_not_read_end_a_link():
    """They filled the controller's memory: packed, a thousand of them are a few bytes."""
    process = SlowProcess()
    link = Link("test", process)
    Call(link, REQUEST)
    while link.error is None:
        link.feed(on(1, wire.WANT, b"offered_by_tests." + 10_000 * b"x"))
        assert sum(process.waiting) < 2 * MAX_ANSWERS
    assert "reads no answer" in str(link.error) and process.killed


@pytest.mark.parametrize("is_packed", [False, True])
def test_one_that_reads_each_answer_may_ask_for_ever(is_packed):
    process = SlowProcess()
    link = Link("test", process)
    if is_packed:
        link.outlet.pack()
    Call(link, REQUEST)
    for _ in range(300):
        link.feed(on(1, wire.WANT, b"offered_by_tests." + 10_000 * b"x"))
        while process.waiting:
            process.take()
    assert link.error is None and len(answers(link)) == 300


def test_a_full_link_is_filled_no_further():
    """Not by one channel and not by another; and each has its turn."""
    process = SlowProcess()
    link = Link("test", process)
    commands = [RemoteCommand(link, ["cat"], False) for _ in range(2)]
    content = flow_control.WINDOW // 2 * b"x"
    for command in commands:
        command.write(wire.STDIN, content)
    most = flow_control.CLOGGED + 3 * wire.MAX_BODY
    assert flow_control.CLOGGED < sum(process.waiting) < most
    while process.waiting:
        process.take()
        assert sum(process.waiting) < most
    data = [(number, body[1:]) for kind, number, body in process.sent if kind == wire.DATA]
    for command in commands:
        assert b"".join(body for number, body in data if number == command.number) == content
    turns = [number for number, _ in data]
    assert turns != sorted(turns)


def test_messages_do_not_wait_behind_a_full_window():
    process = SlowProcess()
    link = Link("test", process)
    RemoteCommand(link, ["cat"], False).write(wire.STDIN, flow_control.WINDOW * b"x")
    Call(link, REQUEST)
    assert process.sent[-1][0] == wire.CALL
    assert sum(process.waiting) < flow_control.CLOGGED + 3 * wire.MAX_BODY


def test_messages_of_one_moment_go_out_together():
    process, later = SlowProcess(), []
    link = Link("test", process, later.append)
    for _ in range(3):
        Call(link, REQUEST).end(wire.STDIN)
    assert process.waiting == [] and len(later) == 1
    later.pop()()
    assert len(process.waiting) == 1 and len(process.sent) == 6


def test_a_fault_of_ours_is_told_without_its_text(link):
    """An error of the codec for texts holds all of the text: a password, say."""
    call = Call(link, REQUEST)

    def fails(value):
        raise UnicodeEncodeError("utf-8", "a secret", 0, 1, "why")

    call.result = fails
    link.feed(wire.frame(wire.RESULT, call.number, codec.encode(("value", 1))))
    assert "UnicodeEncodeError" in str(link.error)
    assert "secret" not in f"{link.error} {link.error!r} {call.future.exception()!r}"


def test_log_records_have_few_levels(link):
    """A logger keeps what it found for each level."""
    call = Call(link, REQUEST)
    for level in (-(10**9), 10**9, 10**9 + 1):
        link.feed(wire.frame(wire.LOG, call.number, codec.encode((level, "name", "text"))))
    assert link.error is None
    assert not {-(10**9), 10**9} & set(logging.getLogger(f"econtext.{link.name}")._cache)


def test_calls_that_do_not_end_are_bounded(link, monkeypatch):
    """Each keeps its request."""
    monkeypatch.setattr("econtext.controller.link._MOST_UNENDED", 2)
    calls = [Call(link, REQUEST) for _ in range(4)]
    answer = codec.encode(("value", 1))
    link.feed(wire.frame(wire.RESULT, calls[0].number, answer))
    link.feed(wire.frame(wire.EXIT, calls[0].number, codec.encode(0)))
    for call in calls[1:3]:
        link.feed(wire.frame(wire.RESULT, call.number, answer))
    assert link.error is None
    link.feed(wire.frame(wire.RESULT, calls[3].number, answer))
    assert "do not end" in str(link.error)
