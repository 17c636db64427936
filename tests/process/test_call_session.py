"""Call sessions: large calls, and what ends before its time."""

import os
import signal

import pytest

import econtext
from econtext import CallDied, ConnectionLost
from tests.support import masked, processes

from . import waiting
from .target import ending, plain
from .test_endings import SECONDS, answers


def assert_died(session, status, *futures):
    """Assert that the calls of a session failed, those that were started and those that come."""
    later = session.start(plain.echo)
    for future in (*futures, later):
        error = future.exception(30)
        assert isinstance(error, CallDied) and error.status == status


def hanging(session, path, function=ending.hang):
    """Start a function that does not end; return its future, and its processes."""
    future = session.start(function, str(path))
    return future, processes.family(*waiting.announced(path))


def test_large_values(session):
    """More than is sent ahead, than a frame has, and than may be on its way."""
    futures = [session.start(plain.size_of, size * b"x") for size in (1 << 17, 5 << 20, 0, 1 << 18)]
    assert [future.result(60) for future in futures] == [1 << 17, 5 << 20, 0, 1 << 18]
    assert session.start(plain.repeat, b"x", 5 << 20).result(60) == (5 << 20) * b"x"


def test_output_beyond_all_credit_comes_before_the_reply(session, caplog):
    for _ in range(2):
        caplog.clear()
        assert session.start(plain.write_lines, 1500, 8000).result(120) == 12_000_000
        assert caplog.messages[-1] == "the end" and len(caplog.messages) == 1501


def test_sessions_run_at_the_same_time(context, tmp_path):
    sessions = [context.session() for _ in range(3)]
    futures = [
        session.start(ending.meet, str(tmp_path), str(number), 3)
        for number, session in enumerate(sessions)
    ]
    assert len({future.result(60) for future in futures}) == 3
    for session in sessions:
        session.close()


# The process


@pytest.mark.parametrize("status", [0, 3])
def test_a_session_whose_process_ends(session, context, status):
    futures = [session.start(plain.stop, status), session.start(plain.echo)]
    assert_died(session, status, *futures)
    assert answers(context)


def test_a_session_that_is_killed(session, context, tmp_path):
    future, family = hanging(session, tmp_path / "pids")
    os.kill(int((tmp_path / "pids").read_text().split()[0]), signal.SIGKILL)
    assert_died(session, -9, future)
    processes.gone(family, SECONDS)
    assert answers(context)


def test_a_session_that_is_killed_while_idle(session, context):
    os.kill(session.call(os.getpid), signal.SIGKILL)
    assert_died(session, -9)
    assert answers(context)


def test_a_session_whose_function_closes_everything(session, context):
    future = session.start(plain.close_all)
    assert isinstance(future.exception(30), CallDied)
    assert isinstance(session.start(plain.echo).exception(30), CallDied)
    assert answers(context)


def test_a_session_whose_slave_is_killed(fresh, tmp_path):
    masked.need("async")
    session = fresh.session()
    future, family = hanging(session, tmp_path / "pids")
    os.kill(fresh.greeting["pid"], signal.SIGKILL)
    for each in (future, session.start(plain.echo)):
        assert isinstance(each.exception(30), ConnectionLost)
    processes.gone(family, SECONDS)
    with pytest.raises(ConnectionLost):
        fresh.session()


# Cancelling


def test_a_call_that_waits_is_taken_out_of_the_line(session, context, tmp_path):
    wanted = tmp_path / "wanted"
    first = session.start(ending.wait_for_file, str(tmp_path / "pids"), str(wanted))
    waiting.announced(tmp_path / "pids")
    others = [session.start(plain.state) for _ in range(5)]
    assert others[0].cancel() and others[3].cancel()
    assert answers(context)  # by now the slave has passed on that they were cancelled
    wanted.write_text("")
    assert first.result(30)
    assert [others[at].result(30)["counter"] for at in (1, 2, 4)] == [1, 2, 3]
    assert session.call(plain.state)["counter"] == 4


@pytest.mark.parametrize("function", [ending.hang, ending.hang_stubbornly])
def test_a_call_that_runs_is_cancelled_with_its_process(session, context, tmp_path, function):
    future, family = hanging(session, tmp_path / "pids", function)
    behind = session.start(plain.echo)
    assert len(family) == 2 and future.cancel()
    processes.gone(family, SECONDS)
    error = behind.exception(30)
    assert isinstance(error, CallDied) and error.status < 0
    assert future.cancelled() and answers(context)


# Closing


def test_a_session_that_is_closed_leaves_nothing(context, tmp_path, caplog):
    """Neither its process nor what that started, and handlers of its end are called."""
    with context.session() as session:
        pid = session.call(ending.leave_child, str(tmp_path / "pids"))
        session.call(plain.say_at_exit)
        family = processes.family(pid, *waiting.announced(tmp_path / "pids"))
        assert len(family) == 2
    processes.gone(family, SECONDS)
    processes.until(SECONDS, lambda: "at exit" in caplog.messages, "its end has been logged")
    assert answers(context)


def test_a_session_that_is_closed_while_a_call_runs(context, tmp_path):
    with context.session() as session:
        future, family = hanging(session, tmp_path / "pids")
        behind = session.start(plain.echo)
    for each in (future, behind):
        assert isinstance(each.exception(30), CallDied)
    processes.gone(family, SECONDS)
    with pytest.raises(econtext.EcontextError, match="closed"):
        session.call(plain.echo)
    session.close()


def test_a_session_ends_with_its_router(route, tmp_path):
    with econtext.Router() as router:
        session = route.open(router).session()
        family = processes.family(session.call(os.getpid))
    processes.gone(family, SECONDS)
    with pytest.raises(econtext.EcontextError):
        session.call(plain.echo)
    session.close()
