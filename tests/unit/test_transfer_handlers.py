"""A file that is put or fetched is as its request says, or its reply is a failure."""

import queue

import pytest

from ansible_econtext.broker.file_transfer import DiskThread
from ansible_econtext.broker.handlers import FetchHandler, PutHandler
from ansible_econtext.broker.payload_store import PayloadStore
from ansible_econtext.broker.sequence import Sequence
from ansible_econtext.client import messages
from econtext.target import wire
from tests.process.waiting import run_until
from tests.support import processes

from .test_handlers import Pool, begin, text_of
from .test_warm_processes import ends, link  # noqa: F401


def test_a_fetch_ends_with_the_mode_on_the_host(link, tmp_path):  # noqa: F811
    (tmp_path / "part").touch()
    pool, fetch = Pool(link), messages.Fetch("/file", str(tmp_path / "part"))
    fetched, *others = (begin(FetchHandler, fetch, link, pool=pool) for _ in range(5))
    results = (
        ((0, 0o100640), []),
        (0, []),
        ((0, "mode"), []),
        ((1, 0o640), []),
        ((0, float("inf")), []),
    )
    for channel, result in enumerate(results, 1):
        ends(link, channel, "value", result)
    run_until(pool.slave.loop, lambda: all([fetched, *others]))
    assert fetched == [messages.Fetched(0o640)]
    assert [type(reply) for [reply] in others] == [messages.Failed] * 4


def test_a_file_that_cannot_be_read_is_a_failure(link, tmp_path):  # noqa: F811
    """As a directory can be opened, and not read."""
    pool, put = Pool(link), messages.Put("/proc/self/mem", "/file", 0o644)
    replies = begin(PutHandler, put, link, pool=pool)
    run_until(pool.slave.loop, lambda: replies)
    assert "Input/output error" in text_of(replies, messages.Failed)
    assert replies[0].code is messages.FailureCode.OPERATION
    assert link.error is None and link.process.sent[-1][0] == wire.CLOSE


@pytest.mark.parametrize("action", [PutHandler, FetchHandler])
def test_a_file_that_cannot_be_opened_is_a_failure(action, link, tmp_path):  # noqa: F811
    path, pool = str(tmp_path / "missing"), Pool(link)
    is_put = action is PutHandler
    request = messages.Put(path, "/file", 0o644) if is_put else messages.Fetch("/file", path)
    replies = begin(action, request, link, pool=pool)
    run_until(pool.slave.loop, lambda: replies)
    assert "No such file or directory" in text_of(replies, messages.Failed)
    assert replies[0].code is messages.FailureCode.OPERATION and link.error is None


def test_a_put_is_in_no_sequence(link):  # noqa: F811
    """Its file is opened first, and the next request of the sequence would overtake it."""
    replies, work = [], messages.Work([], [], messages.Put("/file", "/file", 0o644))
    PutHandler(Pool(link), PayloadStore(), work, replies.append, True, Sequence()).begin()
    assert replies == [messages.NotBegun()]


def test_the_part_file_of_a_worker_that_has_gone_is_removed(link, tmp_path):  # noqa: F811
    part = tmp_path / "part"
    part.touch()
    work = messages.Work([], [], messages.Fetch("/file", str(part)))
    handler = FetchHandler(Pool(link), PayloadStore(), work, lambda reply: None)
    handler.begin()
    assert part.exists()
    handler.abandon()
    processes.until(30, lambda: not part.exists(), "the part file is removed")
    ends(link, 1)


def test_an_error_quotes_nothing_of_a_file():
    """The broker quotes a callback that raises."""
    posted = queue.Queue()

    class Quoting:
        post = posted.put

    thread = DiskThread(Quoting())
    thread.do(lambda: b"a secret", lambda outcome: None)
    thread.end()
    assert "secret" not in repr(posted.get(timeout=30))
