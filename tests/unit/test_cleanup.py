"""Directories that are removed for many tasks at once."""

import pytest

from ansible_econtext.broker.cleanup import Cleanup
from econtext.controller.errors import ConnectionLost
from econtext.target import codec, wire
from econtext.target.loop import Timer

from .test_warm_processes import calls, ends, link  # noqa: F401


class Timers:
    def __init__(self):
        self.begun = []

    def call_later(self, seconds, callback):
        self.begun.append(callback)
        return Timer(callback)


@pytest.fixture
def timers():
    return Timers()


@pytest.fixture
def cleanup(link, timers):  # noqa: F811
    return Cleanup(link, timers)


def removed(link):  # noqa: F811
    """What each call is to remove."""
    return [
        codec.decode(body)["arguments"][0]
        for kind, _, body in link.process.sent
        if kind == wire.CALL
    ]


def test_one_call_removes_what_came_in_the_meantime(cleanup, link, timers):  # noqa: F811
    done = []
    cleanup.add(["/one", "/two"], lambda: done.append(1))
    cleanup.add(["/three"], lambda: done.append(2))
    assert calls(link) == []
    (ring,) = timers.begun
    ring()
    assert removed(link) == [["/one", "/two", "/three"]]
    assert not done
    ends(link, 1, "value", None)
    assert done == [1, 2]
    cleanup.add(["/four"], lambda: done.append(3))
    assert len(timers.begun) == 2


def test_it_need_not_be_waited_for(cleanup, link, timers):  # noqa: F811
    cleanup.begin()
    cleanup.add(["/one"], lambda: None)
    cleanup.begin()
    timers.begun[0]()  # which has nothing to do any more
    assert calls(link) == [(1, "remove_all")]


@pytest.mark.parametrize("is_before", [True, False])
def test_nobody_waits_for_a_slave_that_is_gone(cleanup, link, is_before):  # noqa: F811
    done = []
    cleanup.add(["/one"], lambda: done.append(1))
    if not is_before:
        cleanup.begin()
    link.fail(ConnectionLost("test", "gone"))
    cleanup.begin()
    assert done == [1]
