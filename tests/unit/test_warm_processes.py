"""Warm processes, as the broker sees them."""

import gc
import weakref

import pytest

from ansible_econtext.broker import calls as collected
from ansible_econtext.broker import target_modules
from ansible_econtext.broker.calls import CollectingCall
from ansible_econtext.broker.sequence import Sequence
from ansible_econtext.broker.warm_processes import ModuleRun, WarmProcesses
from econtext.controller.errors import CallDied, CallError, ConnectionLost
from econtext.controller.link import Link
from econtext.target import codec, wire
from econtext.target.loop import Timer

from .test_link import GREETING, FakeProcess

MODULE = "ansible_econtext.broker.warm_processes"
RUN = ("ansible_econtext.target.module_runner", "run_module")


@pytest.fixture
def link():
    made = Link("test", FakeProcess())
    made.feed(wire.frame(wire.HELLO, 0, codec.encode(GREETING)))
    return made


class Clock:
    """A loop whose time is set by the test."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        self.timers = []
        monkeypatch.setattr(f"{MODULE}.monotonic", lambda: self.now)

    def call_later(self, seconds, callback):
        timer = Timer(callback)
        self.timers.append((self.now + seconds, timer))
        return timer

    def goes_on(self, seconds):
        self.now += seconds
        for when, timer in list(self.timers):
            if when <= self.now and timer.callback is not None:
                self.timers.remove((when, timer))
                timer.callback()


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def warm_processes(clock):
    made = WarmProcesses(clock)
    for manifest in (b"one", b"another"):  # they were run a moment ago, by calls of their own
        made.run(None, None, {"manifest": manifest}, None)
    return made


def ask(warm_processes, link, manifest=b"one", sequence=None, **arguments):
    """A run of a warm process, or else a call."""
    arguments = {"manifest": manifest, "name": "it", **arguments}

    def ordinary():
        call = (link, *RUN, arguments)
        return CollectingCall(*call) if sequence is None else sequence.call(*call)

    return warm_processes.run(sequence, link, arguments, ordinary) or ordinary()


def calls(link):
    """(channel, function called) of each call that was begun."""
    return [
        (channel, codec.decode(body)["function"])
        for kind, channel, body in link.process.sent
        if kind == wire.CALL
    ]


def reply(link, channel, *value, stdout=b"", stderr=b""):
    printed = [(wire.STDOUT, stdout), (wire.STDERR, stderr)]
    frames = [wire.data_frame(0, stream, data) for stream, data in printed if data]
    frames.append(wire.frame(wire.RESULT, 0, codec.encode(value)))
    link.feed(wire.data_frame(channel, wire.STDOUT, b"".join(frames)))


def ends(link, channel, *outcome):
    if outcome:
        link.feed(wire.frame(wire.RESULT, channel, codec.encode(outcome)))
    link.feed(wire.frame(wire.EXIT, channel, codec.encode(0 if outcome else -9)))


def test_one_process_does_what_comes_for_one_module(warm_processes, link):
    for number in range(3):
        run = ask(warm_processes, link)
        assert not run.future.done()
        reply(link, 1, number, ["/made"], stdout=b"out", stderr=b"err")
        assert run.future.result(0) == (number, ["/made"])
        assert run.outputs() == {"stdout": b"out", "stderr": b"err"}
    ask(warm_processes, link, b"another")
    ask(warm_processes, link, b"a third one")  # for the first time
    assert calls(link) == [(1, "run"), (2, "run"), (3, "run_module")]


def test_the_slave_is_to_read_at_once(warm_processes, link):
    """A short call's output waits for its result, and here there is none."""
    ask(warm_processes, link)
    kinds = [kind for kind, _, _ in link.process.sent]
    assert kinds[-3:] == [wire.CALL, wire.CREDIT, wire.DATA]


def test_a_process_that_refuses_did_nothing(warm_processes, link):
    first = ask(warm_processes, link, parameters=b"{}")
    ends(link, 1, "value", (None, []))
    second = ask(warm_processes, link)
    assert calls(link) == [(1, "run"), (2, "run_module"), (3, "run_module")]
    link.feed(wire.data_frame(2, wire.STDOUT, b"said"))
    ends(link, 2, "value", (0, []))
    assert first.future.result(0) == (0, []) and first.outputs()["stdout"] == b"said"
    assert not second.future.done()


@pytest.mark.parametrize(
    ("outcome", "error"),
    [((), CallDied), (("error", target_modules.OPERATION_ERROR, "write: no space", ""), CallError)],
)
def test_a_process_that_ends_fails_its_run_and_the_next_has_another(
    warm_processes, link, outcome, error
):
    run = ask(warm_processes, link)
    ends(link, 1, *outcome)
    assert isinstance(run.future.exception(0), error)
    assert run.outputs() == {"stdout": b"", "stderr": b""}
    ask(warm_processes, link)
    assert calls(link) == [(1, "run"), (2, "run")]


def test_a_lost_link_fails_what_is_under_way(warm_processes, link):
    run = ask(warm_processes, link)
    link.fail(ConnectionLost("test", "gone"))
    assert isinstance(run.future.exception(0), ConnectionLost)
    with pytest.raises(ConnectionLost):
        ask(warm_processes, link)


@pytest.mark.parametrize(
    "value",
    [("0", []), (0, None), (0, [], b""), ()],
)
def test_a_reply_of_another_form_ends_the_link(warm_processes, link, value):
    ask(warm_processes, link)
    reply(link, 1, *value)
    assert link.error is not None


def test_a_reply_to_no_request_ends_the_link(warm_processes, link):
    ask(warm_processes, link)
    reply(link, 1, 0, [])
    assert link.error is None
    reply(link, 1, 0, [])
    assert link.error is not None


def test_data_of_a_stream_that_no_module_has_ends_the_link(warm_processes, link):
    ask(warm_processes, link)
    data = wire.data_frame(0, wire.TERMINAL, b"data")
    link.feed(wire.data_frame(1, wire.STDOUT, data))
    assert link.error is not None


def test_arguments_that_cannot_be_sent_alone_are_an_error(link):
    arguments = {"parameters": b"x" * (wire.MAX_MESSAGE + 1)}
    alone = ModuleRun(link, None, lambda: CollectingCall(link, *RUN, arguments))
    alone.run_alone()
    assert isinstance(alone.future.exception(0), codec.EncodeError)


def test_what_waits_in_the_process_is_answered_in_its_order(warm_processes, link):
    sequence = Sequence()
    runs = [ask(warm_processes, link, sequence=sequence) for _ in range(3)]
    assert calls(link) == [(1, "run")] and link.round_trips == 1
    for number, run in enumerate(runs):
        assert not run.future.done()
        reply(link, 1, number, [], stdout=b"%d" % number)
        assert run.future.result(0) == (number, [])
        assert run.outputs()["stdout"] == b"%d" % number


def test_what_a_process_left_undone_is_done_in_its_order_by_others(warm_processes, link):
    sequence = Sequence()
    runs = [ask(warm_processes, link, sequence=sequence) for _ in range(3)]
    ends(link, 1)
    assert isinstance(runs[0].future.exception(0), CallDied)
    later = ask(warm_processes, link, sequence=sequence)
    assert calls(link)[1:] == [(number, "run_module") for number in (2, 3, 4)]
    after = [
        (channel, codec.decode(body))
        for kind, channel, body in link.process.sent
        if kind == wire.AFTER
    ]
    assert after == [(3, 2), (4, 3)]
    for channel, run in zip((2, 3, 4), [*runs[1:], later], strict=True):
        ends(link, channel, "value", (0, []))
        assert run.future.result(0) == (0, [])


def test_what_is_given_up_is_never_done(warm_processes, link):
    sequence = Sequence()
    runs = [ask(warm_processes, link, sequence=sequence) for _ in range(3)]
    for run in reversed(runs):
        run.kill()
    assert link.process.sent[-1][:2] == (wire.CLOSE, 1)
    ends(link, 1)
    assert calls(link) == [(1, "run")]


def test_a_run_that_prints_too_much_ends_none_that_the_process_may_have_begun(
    warm_processes, link, monkeypatch
):
    monkeypatch.setattr(collected, "MAX_OUTPUT", 1000)
    sequence = Sequence()
    first, second = [ask(warm_processes, link, sequence=sequence) for _ in range(2)]
    reply(link, 1, 0, [], stdout=b"x" * 1001)
    assert first.future.exception(0).kind == "OverflowError"
    assert wire.CLOSE not in [kind for kind, _, _ in link.process.sent]
    reply(link, 1, 0, [], stdout=b"its own")
    assert second.future.result(0) == (0, []) and second.outputs()["stdout"] == b"its own"


def test_a_process_ends_when_there_was_nothing_to_do_for_a_while(warm_processes, link, clock):
    run = ask(warm_processes, link)
    clock.goes_on(5)  # a long run
    assert not run.future.done()
    reply(link, 1, 0, [])
    assert run.future.done()
    clock.goes_on(0.9)
    ask(warm_processes, link)
    reply(link, 1, 0, [])
    clock.goes_on(0.9)
    assert calls(link) == [(1, "run")] and link.process.sent[-1][0] != wire.END
    clock.goes_on(0.4)
    assert link.process.sent[-1][:2] == (wire.END, 1)
    ends(link, 1, "value", (None, []))
    ask(warm_processes, link)  # run 1.3 s ago
    ask(warm_processes, link)
    assert calls(link) == [(1, "run"), (2, "run_module"), (3, "run")]


def test_what_is_in_no_sequence_is_not_kept_waiting(warm_processes, link):
    """Tasks of many hosts may be at one of them, and wait for each other."""
    ask(warm_processes, link)
    ask(warm_processes, link)
    ask(warm_processes, link, sequence=Sequence())
    assert calls(link) == [(1, "run"), (2, "run_module"), (3, "run_module")]


def test_a_sequence_is_kept_by_one_process_or_by_calls(warm_processes, link):
    sequence = Sequence()
    sequence.call(link, *RUN, {})
    ask(warm_processes, link, sequence=sequence)
    assert calls(link) == [(1, "run_module"), (2, "run_module")]
    for channel in (1, 2):
        ends(link, channel, "value", (0, []))
    ask(warm_processes, link, sequence=sequence)
    assert calls(link)[2:] == [(3, "run")]
    assert sequence.has_active_run
    assert warm_processes.run(sequence, link, {"manifest": b"another"}, None) is None
    reply(link, 3, 0, [])
    assert not sequence.has_active_run


def test_a_sequence_has_no_run_in_two_slaves_at_once(warm_processes, link, clock):
    """The first slave was reset, and is at work for what it was sent before."""
    sequence, before = Sequence(), Link("the one before", FakeProcess())
    ask(WarmProcesses(clock), before, sequence=sequence)
    assert sequence.has_active_run
    ask(warm_processes, link)
    reply(link, 1, 0, [])  # its process is idle now
    assert warm_processes.run(sequence, link, {"manifest": b"one"}, None) is None


def test_a_process_keeps_nothing_of_a_run_that_is_over(warm_processes, link):
    """The arguments of a module may be secret, and its slave may stay for days."""
    run = ask(warm_processes, link, sequence=Sequence(), parameters=b"a password")
    run.future.add_done_callback(lambda future, run=run: None)  # as the request's handler
    kept = weakref.ref(run)
    reply(link, 1, 0, [])
    del run
    gc.collect()
    assert kept() is None


def test_a_module_of_a_loop_has_a_warm_process_at_once(warm_processes, link, monkeypatch):
    ask(warm_processes, link, b"a new one", sequence=Sequence())
    ask(warm_processes, link, b"another new one")
    monkeypatch.setattr(f"{MODULE}._PATIENCE", 0)
    ask(warm_processes, link, b"a third one", sequence=Sequence())
    assert calls(link) == [(1, "run"), (2, "run_module"), (3, "run_module")]


def test_a_process_that_ends_in_good_time_has_another_after_it(warm_processes, link):
    sequence = Sequence()
    ask(warm_processes, link, sequence=sequence)
    undone = ask(warm_processes, link, sequence=sequence)
    reply(link, 1, 0, [])
    ends(link, 1, "value", (None, []))  # it would not have known what the first one changed
    assert calls(link) == [(1, "run"), (2, "run_module")]
    ends(link, 2, "value", (0, []))
    assert undone.future.result(0) == (0, [])
    ask(warm_processes, link, sequence=sequence)
    assert calls(link)[2:] == [(3, "run")]
