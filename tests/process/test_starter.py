"""A slave that outlives the process that started it, as one under a sudo with a time limit."""

import os
import pathlib
import signal

import pytest

from econtext import CallError, EcontextError
from tests.support import masked, processes

from . import waiting
from .target import ending, plain

SECONDS = 10  # in which a slave that is of no more use has ended

#: The kind of the error of a call that was not begun.
ORPHANED = "econtext.target.slave.Orphaned"

#: The script starts a shell, which starts the slave.
SCRIPT = """#!/bin/sh
/bin/sh -c '"$0" "$@"; exit $?' {python} "$@"
exit $?
"""


@pytest.fixture
def started(router, python, tmp_path):
    """A slave of a slave, started by a program that is called sudo; and its processes."""
    program = tmp_path / "sudo"
    program.write_text(SCRIPT.format(python=python), encoding="ascii")
    program.chmod(0o755)
    context = router.local(python).local(str(program))
    shell = parent_of(context.greeting["pid"])
    return context, shell, parent_of(shell)


def parent_of(pid: int) -> int:
    found = processes.process(pid)
    assert found is not None
    return found.parent


def end(pid: int) -> None:
    """Kill a process and wait until it is no zombie either: for its slave that is not an end."""
    os.kill(pid, signal.SIGKILL)
    gone = f"process {pid} is gone"
    processes.until(SECONDS, lambda: not os.path.exists(f"/proc/{pid}"), gone)


@pytest.mark.parametrize("which", [0, 1], ids=["shell", "sudo"])
def test_a_call_goes_on_and_no_other_begins(started, tmp_path, which):
    if which == 1:
        masked.need("proc")
    context, *starters = started
    slave = processes.family(context.greeting["pid"])
    future = context.start(ending.wait_for_file, str(tmp_path / "pids"), str(tmp_path / "go"))
    waiting.announced(tmp_path / "pids")
    end(starters[which])
    with pytest.raises(CallError) as caught:
        context.call(ending.announce, str(tmp_path / "second"))
    assert caught.value.kind == ORPHANED
    assert not future.done()
    (tmp_path / "go").touch()
    assert future.result(30) > 0
    assert not (tmp_path / "second").exists()
    context.close()
    processes.gone(slave, SECONDS)


def test_a_slave_without_calls_begins_none(started):
    """It does not end by itself: a call that is on its way would be lost."""
    context, shell, _ = started
    slave = processes.family(context.greeting["pid"])
    assert context.call(plain.echo) == [[], []]
    end(shell)
    with pytest.raises(CallError) as caught:
        context.call(plain.echo)
    assert caught.value.kind == ORPHANED
    context.close()
    processes.gone(slave, SECONDS)


@pytest.mark.parametrize("how", ["cancel", "close", "kill the parent"])
def test_a_call_that_goes_on_is_ended(started, tmp_path, how):
    """By all that ends a call of another slave."""
    context, shell, sudo = started
    future = context.start(ending.hang, str(tmp_path / "pids"))
    pids = waiting.announced(tmp_path / "pids")
    family = processes.family(*pids)
    parent = parent_of(sudo)
    end(shell)
    assert processes.alive(family) == family
    if how == "cancel":
        assert future.cancel()
    elif how == "close":
        context.close()
    else:
        os.kill(parent, signal.SIGKILL)
    processes.gone(family, SECONDS)


def test_a_slave_whose_starters_stay(started, tmp_path: pathlib.Path):
    context, shell, sudo = started
    assert context.call(plain.echo, 1) == [[1], []]
    assert processes.process(shell) and processes.process(sudo)


def test_a_slave_that_dies_while_another_process_holds_its_output(router, python, tmp_path):
    """As one that a startup file has left running: the call is lost, and nothing waits for it."""
    masked.need("poll")
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\nsleep 300 &\n{python} "$@"\nexit $?\n', encoding="ascii")
    program.chmod(0o755)
    context = router.local(python).local(str(program))
    shell = parent_of(context.greeting["pid"])
    held = processes.family(shell)
    try:
        future = context.start(ending.hang, str(tmp_path / "pids"))
        waiting.announced(tmp_path / "pids")
        os.kill(context.greeting["pid"], signal.SIGKILL)
        with pytest.raises(EcontextError):
            future.result(SECONDS)
    finally:
        processes.end(held)
