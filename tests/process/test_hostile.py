"""A peer that breaks the protocol: the link breaks with an error that says so, and no more."""

import pathlib
import shlex
import sys
import threading

import pytest

import econtext
from econtext import ConnectionLost, LaunchError
from econtext.controller.methods import local
from tests.support import processes

from . import fake_slave, waiting
from .target import plain

ROOT = pathlib.Path(__file__).parents[2]
WORDS = {
    "another channel": "not open",
    "a closed channel": "not open",
    "a module that is not offered": fake_slave.NOT_OFFERED.decode(),
    "junk": "",
    "no value": "items announced",
    "a greeting again": "",
    "credit for nothing": "credit",
    "a stream that does not exist": "stream",
    "a message without end": "message of more than",
}


def fake(behaviour: str) -> str:
    """A "Python" that is none."""
    return shlex.join([sys.executable, fake_slave.__file__, str(ROOT), behaviour])


@pytest.fixture
def beside(router):
    """A slave of the same router that has nothing to do with it."""
    return router.local(sys.executable)


@pytest.fixture(params=["direct", "through a slave"])
def starter(request, router, beside):
    return router if request.param == "direct" else beside


@pytest.fixture
def start(starter):
    return starter.local


def test_the_fake_slave_can_be_honest(start):
    assert start(fake("honest")).call(plain.echo) == "fine"


def test_every_violation_is_tested():
    assert set(WORDS) == set(fake_slave.ANSWERS) - {"honest"}


@pytest.mark.parametrize("behaviour", WORDS)
def test_violations(start, beside, tmp_path, monkeypatch, behaviour):
    effect = tmp_path / "imported"
    module = tmp_path / (fake_slave.NOT_OFFERED.decode() + ".py")
    module.write_text(f"open({str(effect)!r}, 'w')\n", encoding="ascii")
    monkeypatch.syspath_prepend(tmp_path)

    context = start(fake(behaviour))
    family = processes.family(context.greeting["pid"])
    assert isinstance(context.start(plain.echo).exception(30), econtext.EcontextError)
    error = processes.until(20, lambda: lost(context), "the link is broken")
    assert "broke the protocol" in str(error) and WORDS[behaviour] in str(error)
    assert beside.call(plain.echo, 1) == [[1], []]
    processes.gone(family, 5)
    assert not effect.exists()


@pytest.mark.parametrize("behaviour", fake_slave.VALUES)
def test_violations_of_a_call_channel(start, beside, behaviour):
    context = start(fake(behaviour))
    family = processes.family(context.greeting["pid"])
    channel = context.channel(plain.echo)
    with pytest.raises(ConnectionLost, match="broke the protocol"):
        while True:  # the values within the window
            assert channel.receive(30) == 1
    assert beside.call(plain.echo, 1) == [[1], []]
    processes.gone(family, 5)


@pytest.mark.timeout(60)
def test_a_flood_leaves_other_slaves_their_turns(start, beside, caplog):
    """It takes the broker minutes to handle; no call of another slave waits for its end."""
    flooded = start(fake("a flood"))
    call = flooded.start(plain.echo)
    processes.until(20, lambda: "xxx" in caplog.text, "some of it is handled")
    for number in range(10):
        assert beside.start(plain.echo, number).result(30) == [[number], []]
    assert not call.done()


def lost(context):
    """Why the context is of no more use; None while it is."""
    try:
        context.start(plain.echo).exception(30)
    except ConnectionLost as error:
        return error


@pytest.mark.parametrize("behaviour", sorted(set(fake_slave.BEGINNINGS) - {"silence"}))
def test_beginnings(start, beside, behaviour):
    with pytest.raises(econtext.EcontextError) as caught:
        start(fake(behaviour))
    words = "without end" if behaviour == "chatter without end" else "broke the protocol"
    assert words in str(caught.value)
    assert beside.call(plain.echo, 1) == [[1], []]
    processes.gone(waiting.running(fake_slave.__file__), 5)


def test_silence(starter, beside):
    plan = local.launch(fake("silence"))._replace(timeout=0.5)
    with pytest.raises(LaunchError, match="no slave ran after 0.5 seconds"):
        starter.launch(plan)
    assert beside.call(plain.echo, 1) == [[1], []]
    processes.gone(waiting.running(fake_slave.__file__), 5)


STUBBORN = (
    "import signal, time; signal.signal(15, 1); print(17000000 * 'x', flush=True); time.sleep(60)"
)


def test_a_stubborn_process_does_not_outlive_its_router():
    before = processes.children()
    with econtext.Router() as router:
        with pytest.raises(LaunchError, match="without end"):
            router.local(shlex.join([sys.executable, "-c", STUBBORN]))
        started = processes.since(before)
    assert started
    processes.gone(started, 5)


def test_a_start_while_a_router_is_closed(router):
    """Whoever waits for it is told, and what was started is ended."""
    before = processes.children()
    errors = []

    def start():
        errors.append(waiting.error_of(lambda: router.local(fake("silence")), 60))

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    started = processes.until(20, lambda: processes.since(before), "it is on its way")
    router.close()
    processes.gone(started, 5)
    processes.until(20, lambda: errors, "the caller is told")
    assert isinstance(errors[0], econtext.EcontextError)
