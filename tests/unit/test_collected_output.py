"""Output of modules and commands, as the broker keeps it."""

import tracemalloc

import pytest

from ansible_econtext.broker import calls
from ansible_econtext.broker.calls import CollectingCall, Output
from econtext.controller.errors import CallError
from econtext.target import wire

from .test_warm_processes import ends, link  # noqa: F401


def test_streams_are_kept_apart_and_others_are_dropped(link):  # noqa: F811
    output = Output(link)
    for stream, data in ((wire.STDOUT, b"a"), (wire.STDERR, b"b"), (wire.TERMINAL, b"c")):
        assert output.add(stream, data) and output.add(stream, data)
    assert output.take() == {"stdout": b"aa", "stderr": b"bb"}


def test_pieces_take_no_more_memory_than_their_bytes(link):  # noqa: F811
    """A target chooses the size of a piece: 40 bytes were kept for each one."""
    output = Output(link)
    data = bytes(range(256))
    tracemalloc.start()
    for number in range(200_000):
        start = number % 255
        output.add(wire.STDOUT, data[start : start + 2])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(output.take()["stdout"]) == 400_000 and most < 2 << 20


# Limits


@pytest.fixture
def limits(monkeypatch):
    monkeypatch.setattr(calls, "MAX_OUTPUT", 1000)
    monkeypatch.setattr(calls, "MAX_TOGETHER", 2000)


def prints(link, size):  # noqa: F811
    call = CollectingCall(link, "os", "getpid")
    link.feed(wire.data_frame(call.number, wire.STDOUT, size * b"x"))
    return call


def is_too_much(call):
    return isinstance(call.future.exception(0), CallError)


def test_the_output_of_one_call_is_bounded(link, limits):  # noqa: F811
    assert is_too_much(prints(link, 1001))
    assert not prints(link, 1000).future.done()


def test_the_output_of_all_calls_of_a_link_is_bounded(link, limits):  # noqa: F811
    kept = [prints(link, 900) for _ in range(2)]
    assert is_too_much(prints(link, 201))
    assert not prints(link, 200).future.done()
    for call in kept:
        assert not call.future.done() and len(call.outputs()["stdout"]) == 900


def test_the_output_that_was_replied_is_no_longer_counted(link, limits):  # noqa: F811
    calls_of_a_sequence = []
    for _ in range(10):
        calls_of_a_sequence.append(prints(link, 900))
        assert len(calls_of_a_sequence[-1].outputs()["stdout"]) == 900
    assert link.kept_output == 0


def test_the_output_of_calls_that_are_over_is_no_longer_counted(link, limits):  # noqa: F811
    for _ in range(10):
        call = prints(link, 900)
        call.future.add_done_callback(lambda future, call=call: None)  # as its handler does
        ends(link, call.number, "value", 0)
        assert call.future.result(0) == 0
    assert len(call.outputs()["stdout"]) == 900
