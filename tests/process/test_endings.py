"""Each route gives the same when something ends before its time."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

import econtext
from econtext import CallDied, CallError, ConnectionLost
from econtext.target.loop import Loop
from tests.support import masked, processes

from . import waiting
from .target import ending, looking, plain

SECONDS = 5  # in which all that belongs to what has ended must have ended too
ROOT = pathlib.Path(__file__).parents[2]


def answers(context):
    return context.start(plain.echo, 1).result(30) == [[1], []]


# Calls


def test_a_call_that_ends_its_process(context):
    for status in (0, 3):
        with pytest.raises(CallDied) as caught:
            context.call(plain.stop, status)
        assert caught.value.status == status
    assert answers(context)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_call_that_is_killed(context, tmp_path, number):
    future = context.start(ending.hang, str(tmp_path / "pids"))
    call, _ = waiting.announced(tmp_path / "pids")
    os.kill(call, number)
    error = future.exception(30)
    assert isinstance(error, CallDied) and error.status == -number
    assert number.name in str(error)
    assert answers(context)


def assert_cancelled(context, function, path):
    future = context.start(function, str(path))
    family = processes.family(*waiting.announced(path))
    assert len(family) == 2
    assert future.cancel()
    processes.gone(family, SECONDS)
    assert future.cancelled() and answers(context)


def test_cancel_ends_the_process_of_a_call(context, tmp_path):
    assert_cancelled(context, ending.hang, tmp_path / "pids")


def test_cancel_ends_a_call_that_catches_signals(router, python, tmp_path):
    assert_cancelled(router.local(python), ending.hang_stubbornly, tmp_path / "pids")


def test_whoever_waits_hears_of_a_cancelled_call(context, tmp_path):
    futures = [context.start(ending.hang, str(tmp_path / name)) for name in ("one", "two")]
    families = [processes.family(*waiting.announced(tmp_path / name)) for name in ("one", "two")]
    for future in futures:
        assert future.cancel()
    for family in families:
        processes.gone(family, SECONDS)
    done, _ = concurrent.futures.wait(futures, 10)
    assert done == set(futures)


def test_a_call_that_has_ended_is_not_cancelled(context):
    future = context.start(plain.echo)
    assert future.result(30) == [[], []]
    assert not future.cancel()


def test_a_daemon_that_keeps_everything_open(context, tmp_path, caplog):
    """The call ends all the same, and the daemon lives on: it made itself independent."""
    path = tmp_path / "pids"
    slave = context.greeting["pid"]
    open_before = context.call(looking.settled, slave)
    pid = context.start(ending.leave_daemon, str(path)).result(30)
    daemon = processes.family(*waiting.announced(path))
    processes.until(SECONDS, lambda: not processes.process(pid), "the call's process has ended")
    assert "said before" in [record.getMessage() for record in caplog.records]
    processes.until(
        20, lambda: context.call(looking.settled, slave) <= open_before, "all is closed"
    )
    assert processes.alive(daemon) and answers(context)


@pytest.mark.parametrize("end", ["close", "kill"])
def test_a_child_that_a_call_leaves(fresh, tmp_path, end):
    """It lives on when the slave ends, though it has the session of the call."""
    path = tmp_path / "pids"
    fresh.start(ending.leave_child, str(path)).result(30)
    child = processes.family(waiting.announced(path)[0])
    slave = processes.family(fresh.greeting["pid"])
    assert child
    if end == "close":
        fresh.close()
    else:
        os.kill(fresh.greeting["pid"], signal.SIGKILL)
    processes.gone(slave - child, SECONDS)
    assert processes.alive(child) == child


def test_a_child_of_a_call_that_ends_without_a_result(context, tmp_path):
    path = tmp_path / "pids"
    with pytest.raises(CallDied):
        context.start(ending.leave_child_and_stop, str(path)).result(30)
    child = processes.family(waiting.announced(path)[0])
    assert answers(context)
    assert child and processes.alive(child) == child


@pytest.mark.parametrize("end", ["cancel", "kill"])
def test_a_child_of_a_call_that_is_ended(fresh, tmp_path, end):
    """It ends with the call, or with the slave."""
    if end == "kill":
        masked.need("async")
    future = fresh.start(ending.hang_with_child, str(tmp_path / "pids"))
    family = processes.family(*waiting.announced(tmp_path / "pids"))
    assert len(family) == 2
    if end == "cancel":
        assert future.cancel()
    else:
        os.kill(fresh.greeting["pid"], signal.SIGKILL)
    processes.gone(family, SECONDS)


@pytest.mark.parametrize(
    "function, arguments", [(plain.close_all, ()), (ending.scribble, (10,))], ids=["close", "write"]
)
def test_a_function_that_spoils_its_descriptors(context, function, arguments):
    with pytest.raises((CallDied, CallError)):
        context.start(function, *arguments).result(30)
    assert answers(context)


def test_a_function_that_spoils_its_descriptors_and_says_much(context):
    future = context.start(ending.scribble, 1_000_000)
    assert isinstance(future.exception(10), CallDied | CallError)
    assert answers(context)


# Slaves


def test_a_slave_that_is_killed(fresh, tmp_path):
    """Its calls and their commands end with it, whoever they belong to."""
    masked.need("async")
    future = fresh.start(ending.hang, str(tmp_path / "pids"))
    pids = waiting.announced(tmp_path / "pids")
    family = processes.family(fresh.greeting["pid"], *pids)
    assert len(family) >= 3
    os.kill(fresh.greeting["pid"], signal.SIGKILL)
    assert isinstance(future.exception(30), ConnectionLost)
    processes.gone(family, SECONDS)
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            fresh.call(plain.echo)


def test_a_slave_that_is_closed(fresh, tmp_path):
    futures = [fresh.start(ending.hang, str(tmp_path / name)) for name in ("one", "two")]
    pids = [pid for name in ("one", "two") for pid in waiting.announced(tmp_path / name)]
    family = processes.family(fresh.greeting["pid"], *pids)
    fresh.close()
    for future in futures:
        assert isinstance(future.exception(30), econtext.EcontextError)
    processes.gone(family, SECONDS)
    with pytest.raises(ConnectionLost):
        fresh.call(plain.echo)


def test_a_stubborn_call_does_not_keep_a_slave(router, python, tmp_path):
    context = router.local(python)
    context.start(ending.hang_stubbornly, str(tmp_path / "pids"))
    family = processes.family(context.greeting["pid"], *waiting.announced(tmp_path / "pids"))
    assert len(family) >= 2  # the slave and its call
    context.close()
    processes.gone(family, SECONDS)


def test_slaves_of_a_slave_that_is_killed(router, tmp_path, python):
    """A hop's end is the end of what was started through it, and of nothing else."""
    outer = router.local(python)
    inner = outer.local(sys.executable)
    beside = router.local(sys.executable)
    future = inner.start(ending.hang, str(tmp_path / "pids"))
    pids = waiting.announced(tmp_path / "pids")
    family = processes.family(outer.greeting["pid"], inner.greeting["pid"], *pids)
    os.kill(outer.greeting["pid"], signal.SIGKILL)
    assert isinstance(future.exception(30), ConnectionLost)
    processes.gone(family, SECONDS)
    for context in (outer, inner):
        with pytest.raises(ConnectionLost):
            context.call(plain.echo)
        with pytest.raises(econtext.EcontextError):
            context.local(sys.executable)
    assert answers(beside)


# The controller

CONTROLLER = """
import json
import sys
import econtext
from process.target import ending

context = econtext.Router()
for method, arguments in json.loads(sys.argv[1]):
    context = getattr(context, method)(**arguments)
print(context.greeting["pid"], flush=True)
context.call(ending.hang, sys.argv[2])
"""


def test_a_controller_that_is_killed(route, tmp_path):
    """Nothing is left of it anywhere, though it could not say goodbye."""
    script = tmp_path / "controller.py"
    script.write_text(CONTROLLER, encoding="ascii")
    controller = subprocess.Popen(
        [sys.executable, str(script), json.dumps(route.steps), str(tmp_path / "pids")],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    with controller:
        assert controller.stdout is not None
        slave = int(controller.stdout.readline())
        pids = waiting.announced(tmp_path / "pids")
        family = processes.family(controller.pid, slave, *pids)
        assert len(family) >= 4
        controller.kill()
    processes.gone(family, SECONDS)


def test_a_router_that_is_closed_leaves_nothing(route):
    """No descriptor and no thread of this process either."""

    def state():
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    def use():
        with econtext.Router() as router:
            context = route.open(router)
            context.call(plain.echo)
            with pytest.raises(econtext.LaunchError):
                context.local("no-such-python")

    use()  # what is imported and opened only once is there from now on
    before = state()
    use()
    assert state() == before


def test_a_router_that_is_closed_is_of_no_more_use(python):
    """It says so: no caller waits for ever, and nothing is written to what was closed."""
    with econtext.Router() as router:
        context = router.local(python)
        family = processes.family(context.greeting["pid"])
    processes.gone(family, SECONDS)
    for use in (lambda: context.call(plain.echo), lambda: router.local(python)):
        assert isinstance(waiting.error_of(use), econtext.EcontextError)
    context.close()


@pytest.mark.timeout(60)
def test_a_call_that_comes_as_the_router_is_closed_does_not_wait_for_ever(monkeypatch):
    """It is begun, or is told: what the loop takes in, it calls."""
    router = econtext.Router()
    asked = threading.Event()
    usual = Loop.post

    def post(loop, callback):
        if threading.current_thread() is caller:
            asked.set()
            for closer in closers:  # as far as they get: they should wait for this thread
                closer.join(0.3)
        usual(loop, callback)

    def use():
        try:
            router.on_loop(lambda: "called")
        except econtext.EcontextError:
            pass

    def close():
        asked.wait(30)
        router.close()

    monkeypatch.setattr(Loop, "post", post)
    caller = threading.Thread(target=use, daemon=True)
    closers = [threading.Thread(target=close, daemon=True) for _ in range(2)]
    for thread in (*closers, caller):
        thread.start()
    for thread in (caller, *closers):
        thread.join(30)
        assert not thread.is_alive()
    assert router.closed


@pytest.mark.parametrize("word", ["no\0word", "/nowhere/\u00e9", "/nowhere/\udce9"])
def test_words_that_no_command_can_have_end_no_slave(python, word, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    with econtext.Router() as router:
        context = router.local(python)
        with pytest.raises(econtext.EcontextError):
            context.local(word)
        assert answers(context)


@pytest.mark.timeout(30)
def test_a_start_that_cannot_begin_is_told():
    """Here on the controller."""
    with econtext.Router() as router:
        for start in (
            lambda: router.local("no\0word"),
            lambda: router.ssh("host", ssh_args=["-p", 22]),
        ):
            assert isinstance(waiting.error_of(start), ValueError | TypeError)
