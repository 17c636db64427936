"""The broker replies to each request, valid or not, and to each result of a target."""

import gc
import socket
import weakref

import pytest

from ansible_econtext.broker import target_modules
from ansible_econtext.broker.calls import CollectingCommand
from ansible_econtext.broker.handlers import (
    CommandHandler,
    ExistsHandler,
    ExpandHandler,
    ProgramHandler,
)
from ansible_econtext.broker.payload_store import PayloadStore
from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.broker.sequence import Sequence
from ansible_econtext.broker.worker_connection import WorkerConnection
from ansible_econtext.client import messages, route
from econtext.controller.errors import ConnectionLost
from econtext.controller.link import Link
from econtext.target import codec, wire
from econtext.target.loop import Loop

from .test_link import FakeProcess
from .test_warm_processes import ends, link  # noqa: F401

EXISTS = messages.Exists("/")
PROGRAM = messages.Program("it", "/bin/sh", "", "it", [], b"", None, "/tmp", "")


class Pool:
    """Slaves of which each route has the same one."""

    def __init__(self, link):  # noqa: F811
        self.slave = PooledSlave(link, "", b"", Loop())

    def find(self, route, found):
        found(self.slave)

    def note_loss(self, route):
        pass


def begin(kind, action, link, is_awaited=True, pool=None, may_end=False):  # noqa: F811
    replies = []
    work = messages.Work([], [], action)
    kind(pool or Pool(link), PayloadStore(), work, replies.append, is_awaited).begin()
    assert may_end or not replies
    return replies


def text_of(replies, kind):
    [reply] = replies
    assert type(reply) is kind
    return reply.text


@pytest.mark.parametrize("value", [True, None, (), (True,), (True, 1), (True, [[]]), "ab" * 2])
def test_a_result_of_another_form_is_a_failure(link, value):  # noqa: F811
    replies = begin(ExistsHandler, EXISTS, link)
    ends(link, 1, "value", value)
    assert "no known form" in text_of(replies, messages.Failed)
    assert replies[0].code is messages.FailureCode.CALL


LATE = {
    "another form": ("value", (7, [])),
    "outdated": ("error", target_modules.OUTDATED, "text", ""),
}


@pytest.mark.parametrize("outcome", LATE.values(), ids=LATE)
def test_a_result_that_comes_too_late_is_no_fault_of_ours(link, caplog, outcome):  # noqa: F811
    """The log of a broker is quoted in errors."""
    work = messages.Work([], [], EXISTS)
    handler = ExistsHandler(Pool(link), PayloadStore(), work, lambda reply: None)
    handler.begin()
    handler.abandon()
    ends(link, 1, *outcome)
    assert not caplog.records and link.error is None


MADE = {
    "a number and a text": [1, "/tmp/one"],
    "a text": "/tmp",
    "no list": {"/tmp/one": 1},
    "a long path": ["/" * 5000],
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_directories_of_no_known_form_are_a_failure_and_not_kept(link, made):  # noqa: F811
    pool = Pool(link)
    replies = begin(ExistsHandler, EXISTS, link, pool=pool)
    ends(link, 1, "value", (True, made))
    assert "no known form" in text_of(replies, messages.Failed)
    assert not pool.slave.left and link.error is None


def test_directories_beyond_a_number_are_not_kept_and_fail_no_task(link):  # noqa: F811
    """A slave that serves for weeks may have a temporary directory for each task."""
    pool = Pool(link)
    for channel in range(1, 4):
        replies = begin(ExistsHandler, EXISTS, link, pool=pool)
        made = [f"/{channel}/{number}" for number in range(6000)]
        ends(link, channel, "value", (True, made))
        assert replies == [messages.Existence(True)]
    assert len(pool.slave.left) == 10_000


def test_a_result_of_many_items_breaks_the_link_unread(link):  # noqa: F811
    """To decode it would keep all hosts waiting, 64 MiB of it for 40 seconds."""
    replies = begin(ExistsHandler, EXISTS, link)
    link.feed(wire.frame(wire.RESULT, 1, b"l\0\x10\0\0" + (1 << 20) * b"N"))
    assert "too long" in text_of(replies, messages.Failed)
    assert replies[0].code is messages.FailureCode.LOST


@pytest.mark.parametrize("value", [1, "yes", None])
def test_an_existence_is_true_or_false(link, value):  # noqa: F811
    replies = begin(ExistsHandler, EXISTS, link)
    ends(link, 1, "value", (value, []))
    assert "no known form" in text_of(replies, messages.Failed)


@pytest.mark.parametrize("value", [1, b"/home", None, ["/home"]])
def test_an_expanded_path_is_a_text_and_no_other_is_kept(link, value):  # noqa: F811
    pool = Pool(link)
    replies = begin(ExpandHandler, messages.Expand("~other"), link, pool=pool)
    ends(link, 1, "value", (value, []))
    assert "no known form" in text_of(replies, messages.Failed)


def test_an_accounts_directory_is_looked_up_each_time(link):  # noqa: F811
    """It may change while a slave runs, as HOME does not."""
    pool = Pool(link)
    for channel, home in ((1, "/home/other"), (2, "/srv/other")):
        replies = begin(ExpandHandler, messages.Expand("~other"), link, pool=pool)
        ends(link, channel, "value", (home, []))
        assert replies == [messages.Expanded(home)]


@pytest.mark.parametrize("status", [None, "0", [0], {}, True, 1.0, float("inf"), 256, -129])
def test_a_status_that_is_no_number_is_a_failure(link, status):  # noqa: F811
    replies = begin(ProgramHandler, PROGRAM, link)
    ends(link, 1, "value", (status, []))
    assert "no known form" in text_of(replies, messages.Failed)


def test_results_are_replies(link):  # noqa: F811
    existence = begin(ExistsHandler, EXISTS, link)
    ends(link, 1, "value", (True, []))
    assert existence == [messages.Existence(True)]
    ended, died = (begin(ProgramHandler, PROGRAM, link) for _ in range(2))
    ends(link, 2, "value", (3, []))
    ends(link, 3, "value", (-9, []))
    assert ended == [messages.Ended(3, b"", b"")]
    assert died == [messages.Died(-9, "", b"", b"")]


@pytest.mark.parametrize("kind", ["xterm", ""])
def test_a_program_with_a_terminal_is_called_by_another_name(link, kind):  # noqa: F811
    begin(ProgramHandler, PROGRAM, link)
    begin(ProgramHandler, PROGRAM.replace(terminal=kind), link)
    without, on_one = (
        codec.decode(body) for sent, _, body in link.process.sent if sent == wire.CALL
    )
    assert (without["function"], on_one["function"]) == ("run", "run_program")
    assert on_one["arguments"] == (kind, *without["arguments"])


def test_a_dead_process_is_a_reply_for_what_has_output_alone(link):  # noqa: F811
    """Whether a path exists could not be told then."""
    existence = begin(ExistsHandler, EXISTS, link)
    ends(link, 1)
    assert "SIGKILL" in text_of(existence, messages.Failed)
    program = begin(ProgramHandler, PROGRAM, link)
    ends(link, 2)
    assert "SIGKILL" in text_of(program, messages.Died)


@pytest.mark.parametrize(("is_awaited", "round_trips"), [(True, 1), (False, 0)])
def test_a_call_that_no_worker_waits_for_is_no_round_trip(link, is_awaited, round_trips):  # noqa: F811
    begin(ExistsHandler, EXISTS, link, is_awaited)
    assert link.round_trips == round_trips


class Broker:
    """Broker that takes requests and does nothing."""

    def __init__(self):
        self.loop = Loop()
        self.taken, self.errors = [], []

    def take(self, connection, request, number):
        self.taken.append(request)

    def report(self, callback, error):
        self.errors.append(error)

    def gone(self, connection):
        pass


def test_what_is_no_frame_ends_the_connection():
    broker = Broker()
    worker, own = socket.socketpair()
    with worker:
        WorkerConnection(broker, own)
        worker.sendall(b"GET / HTTP/1.1\r\n")
        broker.loop.run_once()
        assert worker.recv(1) == b"" and len(broker.errors) == 1


JUNK = {
    "another kind": codec.encode(("Exist", "/")),
    "a dict": codec.encode({"do": "exists"}),
    "a missing field": codec.encode(("Register",)),
    "a wrong type": codec.encode(("Register", "1")),
    "no value": b"",
}


@pytest.mark.parametrize("body", JUNK.values(), ids=JUNK)
def test_what_is_no_request_has_a_reply_and_the_next_one_is_taken(body):
    broker = Broker()
    worker, own = socket.socketpair()
    with worker:
        connection = WorkerConnection(broker, own)
        next_one = messages.encode(messages.Register(1))
        worker.sendall(wire.frame(wire.OPEN, 7, body) + wire.frame(wire.OPEN, 8, next_one))
        broker.loop.run_once()
        [(_, number, reply)] = wire.Reader(frozenset([wire.RESULT])).feed(worker.recv(65536))
        connection.close()
    assert number == 7 and len(broker.errors) == 1
    failed = messages.decode_reply(reply, (messages.Failed,))
    assert str(broker.errors[0]) in failed.text
    assert broker.taken == [messages.Register(1)]


@pytest.mark.parametrize("is_abandoned", [False, True])
def test_a_route_is_kept_no_longer_than_its_request(link, is_abandoned):  # noqa: F811
    """It has passwords, and the handler and its call refer to each other."""
    hop = route.interpreter_hop("/usr/bin/python3")
    kept, replies = weakref.ref(hop), []
    gc.disable()
    try:
        work = messages.Work([hop], [], EXISTS)
        handler = ExistsHandler(Pool(link), PayloadStore(), work, replies.append)
        handler.begin()
        del work, hop
        assert kept() is not None
        if is_abandoned:
            handler.abandon()
        else:
            ends(link, 1, "value", (True, []))
        assert len(replies) == (not is_abandoned) and kept() is None
    finally:
        gc.enable()


def test_a_request_of_a_loop_overtakes_none_that_another_slave_is_at(link):  # noqa: F811
    """A slave that was reset is at work for the items that it was sent before."""
    sequence, replies = Sequence(), []
    sequence.call(Link("the one before", FakeProcess()), "module", "function")
    work = messages.Work([], [], PROGRAM, in_sequence=True)
    ProgramHandler(Pool(link), PayloadStore(), work, replies.append, True, sequence).begin()
    assert replies == [messages.NotBegun()]
    assert wire.CALL not in [kind for kind, _, _ in link.process.sent]


# Faults of the broker's side


class SlowPool(Pool):
    """Slaves that are still being started."""

    def find(self, route, found):
        self.found = found


def test_arguments_over_the_limit_are_a_failure_when_the_slave_runs(link):  # noqa: F811
    pool = SlowPool(link)
    replies = begin(ExistsHandler, messages.Exists("/" * (wire.MAX_MESSAGE + 1)), link, pool=pool)
    pool.found(pool.slave)
    assert "too long" in text_of(replies, messages.Failed)
    assert link.error is None and not pool.slave.users


def test_a_slave_that_is_found_too_late_is_not_in_use(link):  # noqa: F811
    pool, replies = SlowPool(link), []
    work = messages.Work([], [], EXISTS, changes=messages.ALL_ACCOUNTS)
    handler = ExistsHandler(pool, PayloadStore(), work, replies.append)
    handler.begin()
    handler.abandon()
    pool.found(pool.slave)
    assert not pool.slave.users and not replies


def fault(*_):
    raise RuntimeError("a fault of ours")


def test_a_fault_at_the_begin_of_work_is_a_reply(link, monkeypatch):  # noqa: F811
    pool = SlowPool(link)
    replies = begin(ExistsHandler, EXISTS, link, pool=pool)
    monkeypatch.setattr(ExistsHandler, "_do", fault)
    pool.found(pool.slave)
    assert "a fault of ours" in text_of(replies, messages.Failed)


def test_a_fault_at_the_end_of_work_is_a_reply(link, monkeypatch):  # noqa: F811
    replies = begin(ExistsHandler, EXISTS, link)
    monkeypatch.setattr(PooledSlave, "leaves", fault)
    ends(link, 1, "value", (True, []))
    assert "a fault of ours" in text_of(replies, messages.Failed)


def test_a_fault_at_the_end_of_a_command_is_a_reply(link, monkeypatch):  # noqa: F811
    replies = begin(CommandHandler, messages.Command(["true"]), link)
    monkeypatch.setattr(CollectingCommand, "outputs", fault)
    ends(link, 1)
    assert "a fault of ours" in text_of(replies, messages.Failed)
    assert link.error is None


def test_a_command_whose_link_ends_is_lost(link):  # noqa: F811
    """As it is over ssh, which says so by its own exit status."""
    replies = begin(CommandHandler, messages.Command(["true"]), link)
    link.fail(ConnectionLost("test", "the slave broke the protocol"))
    assert "broke the protocol" in text_of(replies, messages.Failed)
    assert replies[0].code is messages.FailureCode.LOST


def test_the_failure_of_a_command_may_have_any_text(link):  # noqa: F811
    replies = begin(CommandHandler, messages.Command(["/"]), link)
    ends(link, 1, "failed", "a file's name: \udcff, and half of a pair: \ud83d")
    [ended] = replies
    assert ended.stderr.startswith(b"a file's name: ") and link.error is None


def test_a_reply_that_cannot_be_sent_is_a_failure():
    worker, own = socket.socketpair()
    with worker:
        connection = WorkerConnection(Broker(), own)
        connection.reply(messages.Died(-(10**5000), "", b"", b""), 7)
        [(_, number, reply)] = wire.Reader(frozenset([wire.RESULT])).feed(worker.recv(65536))
        connection.close()
    failed = messages.decode_reply(reply, (messages.Failed,))
    assert number == 7 and "digits" in failed.text


def test_a_request_that_cannot_be_abandoned_keeps_no_other():
    abandoned = []

    class Request:
        def __init__(self, error=None):
            self.error = error

        def abandon(self):
            if self.error is not None:
                raise self.error
            abandoned.append(self)

    worker, own = socket.socketpair()
    with worker:
        connection = WorkerConnection(Broker(), own)
        first = Request()
        connection.handlers = {1: first, 2: Request(RuntimeError("can't start new thread"))}
        connection.close()
    assert abandoned == [first]


def test_a_command_is_not_started_by_an_outdated_slave(link):  # noqa: F811
    """The slave that starts it is asked first, unless it is a new one."""
    pool, retired = Pool(link), []
    pool.retire = retired.append
    link.round_trips = 1
    replies = begin(CommandHandler, messages.Command(["true"]), link, pool=pool)
    ends(link, 1, "error", target_modules.OUTDATED, "text", "")
    assert retired == [pool.slave] and not replies
    ends(link, 2)  # the command, which the new slave starts at once
    assert [type(reply) for reply in replies] == [messages.Ended]


def test_a_command_is_started_by_a_fresh_slave(link):  # noqa: F811
    link.round_trips = 1
    replies = begin(CommandHandler, messages.Command(["true"]), link)
    ends(link, 1, "value", (None, []))
    assert not replies
    ends(link, 2)
    assert [type(reply) for reply in replies] == [messages.Ended]
