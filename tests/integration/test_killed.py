"""A process dies, or the user interrupts the run, in the middle of a task.

What the user reads, and that no process of ours lives on.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import signal
from collections.abc import Iterator

import pytest

from tests.support import processes
from tests.support.processes import Process, until
from tests.support.scale import more_of_a_kind, parameters

from .conftest import Transport
from .play import Result, Running, TaskResult, play_of, start_play

pytestmark = pytest.mark.usefixtures("ours")

#: Each transport with each number of seconds for which a warm process stays: the task of a run
#: without one has a process of its own.
PLACES = {
    f"{stays}-{transport}": (stays, transport)
    for stays in ("60", "0")
    for transport in ("ssh", "sudo", "local")
}


def in_places(*always: str) -> pytest.MarkDecorator:
    """Parametrise a test with all places, of which it has these in each run of the tests."""
    some = [
        pytest.param(*place, id=name, marks=[] if name in always else more_of_a_kind)
        for name, place in PLACES.items()
    ]
    return pytest.mark.parametrize(("long_task", "transport"), some, indirect=True)


def by_transports(*always: str) -> pytest.MarkDecorator:
    """Parametrise a test with all transports, of which it has these in each run of the tests."""
    some = parameters(("ssh", "sudo", "local"), always)
    return pytest.mark.parametrize("transport", some, indirect=True)


class LongTask:
    """A run whose task is asleep, and the processes that take part in it.

    The command is a child of its call process, which is a child of the slave.
    """

    def __init__(self, running: Running, transport: Transport, before: set[Process]) -> None:
        self.running = running
        self._transport = transport
        self._before = before
        self._family: set[Process] = set()

    def started(self, argument: str) -> None:
        def look() -> set[Process]:
            assert self.running.process.poll() is None, str(self.running.wait())
            return {p for p in processes.with_argument(argument) if p.argv.startswith("sleep")}

        (self.command,) = until(30, look, f"the task's own command runs: sleep {argument}")
        self.call = _process(self.command.parent)
        self.slave = _process(self.call.parent)
        assert "econtext" in self.slave.argv, self.slave
        self._family = processes.family(self.slave.pid, *(p.pid for p in self._mine()))

    def broker(self) -> Process:
        found = [
            p
            for p in processes.with_environment(self.running.marker)
            if "ansible_econtext" in p.argv and "broker" in p.argv
        ]
        # The broker may be a child of a starter of the same name.
        parents = {p.pid for p in found}
        (broker,) = [p for p in found if p.parent not in parents]
        return broker

    def workers(self) -> set[Process]:
        """Forks of ansible-playbook."""
        playbook = _process(self.running.process.pid)
        return {p for p in self._mine() if p.parent == playbook.pid and p.argv == playbook.argv}

    def living(self) -> set[Process]:
        """Processes of this run that are still there."""
        return (processes.alive(self._family) | self._mine()) - self._before

    def _mine(self) -> set[Process]:
        found = processes.with_environment(self.running.marker)
        account = self._transport.account
        if account.is_throwaway:
            found |= processes.of_user(account.uid)
        return found - self._before


def _process(pid: int) -> Process:
    found = processes.process(pid)
    assert found, f"process {pid} is gone"
    return found


@pytest.fixture
def long_task(
    transport: Transport,
    scratch: pathlib.Path,
    strategy: str,
    request: pytest.FixtureRequest,
) -> Iterator[LongTask]:
    """It runs in a warm process; with 0 for a parameter in one of its own.

    With `moved` its task on the controller has moved to a process.
    """
    argument = f"1234.{random.randrange(10**6):06}"
    parameter = getattr(request, "param", "60")
    is_moved = parameter == "moved"
    text = f"{{{{ lookup('pipe', 'echo {argument}') }}}}" if is_moved else argument
    play = play_of(
        *[{"name": f"before {number}", "command": "true"} for number in range(3)],
        {"name": "long", "command": f"sleep {text}", "ignore_errors": True},
        {"name": "after", "ping": {}},
        ignore_unreachable=True,
    )
    before = processes.processes()
    running = start_play(
        play,
        directory=scratch / "run",
        strategy=strategy,
        inventory=transport.variables,
        env={"ANSIBLE_ECONTEXT_STAYING": "60" if is_moved else parameter},
    )
    task = LongTask(running, transport, before)
    try:
        task.started(argument)
        yield task
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.process.kill()
        running.process.wait()
        processes.end([*task.living(), *processes.with_argument(argument)])


def assert_nothing_lives_on(task: LongTask) -> None:
    # A list that is empty at last: the message names who is left.
    try:
        until(5, lambda: not task.living(), "nothing of the run lives on")
    except AssertionError as error:
        raise AssertionError(f"{error}; left: {task.living()}") from None


def one_clear_line(one: TaskResult, result: Result) -> str:
    message = str(one.result.get("msg", ""))
    assert message, str(result)
    assert "Traceback" not in message, str(result)
    return message


@in_places("60-sudo", "0-local")
def test_slave_killed(long_task: LongTask) -> None:
    os.kill(long_task.slave.pid, signal.SIGKILL)
    result = long_task.running.wait(30)
    long = result.one("long")
    assert long.status == "unreachable", str(result)
    one_clear_line(long, result)
    # The next task connects again.
    assert result.one("after").status == "ok", str(result)
    assert_nothing_lives_on(long_task)


@in_places("60-ssh", "0-sudo")
def test_call_process_killed(long_task: LongTask) -> None:
    os.kill(long_task.call.pid, signal.SIGKILL)
    result = long_task.running.wait(30)
    long = result.one("long")
    # The module died, the host is well.
    assert long.status == "ignored", str(result)
    one_clear_line(long, result)
    assert result.one("after").status == "ok", str(result)
    assert_nothing_lives_on(long_task)


@by_transports("sudo")
def test_broker_killed(long_task: LongTask) -> None:
    os.kill(long_task.broker().pid, signal.SIGKILL)
    result = long_task.running.wait(30)
    long = result.one("long")
    assert long.status in ("unreachable", "ignored"), str(result)
    one_clear_line(long, result)
    assert_nothing_lives_on(long_task)


@in_places("60-local", "0-ssh")
def test_interrupted_at_the_terminal(long_task: LongTask) -> None:
    """Ctrl-C: the terminal signals every process of the foreground group."""
    os.killpg(long_task.running.process.pid, signal.SIGINT)
    assert long_task.running.wait(30).rc != 0
    assert_nothing_lives_on(long_task)


@pytest.mark.parametrize("transport", ["ssh"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
@pytest.mark.parametrize("long_task", ["60", "moved"], indirect=True)
def test_ansible_playbook_signalled(
    long_task: LongTask, number: signal.Signals, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["long_task"] == "moved":
        assert long_task.workers(), "the task has moved to a process"
    os.kill(long_task.running.process.pid, number)
    assert long_task.running.wait(30).rc != 0
    assert_nothing_lives_on(long_task)


@by_transports("sudo")
def test_ansible_playbook_killed(long_task: LongTask) -> None:
    os.kill(long_task.running.process.pid, signal.SIGKILL)
    long_task.running.wait(30)
    assert_nothing_lives_on(long_task)
