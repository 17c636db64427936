"""Items of a loop that are sent ahead, where something comes in between."""

from __future__ import annotations

import os
import pathlib
import signal

import pytest

from tests.support import processes
from tests.support.core import needs_2_19
from tests.support.processes import until

from .conftest import Transport
from .play import Running, play_of, start_play

pytestmark = [
    pytest.mark.usefixtures("ours"),
    needs_2_19,
]

#: More than are under way at a time.
ITEMS = 100
STOPS_AT = 5


class Loop:
    """A run of a loop whose items write down that they were run; one of them then waits until
    it is let go.  Its tasks are `loop` and `after`."""

    def __init__(
        self, transport: Transport, strategy: str, scratch: pathlib.Path, **environment: str
    ) -> None:
        home = transport.account.home
        self._done, self._gate = home / "done", home / "gate"
        self._stdout = scratch / "run" / "stdout"
        command = (
            f"echo {{{{ item }}}} >> {self._done}; "
            f"if test {{{{ item }}}} = {STOPS_AT}; then cat {self._gate}; fi"
        )
        os.mkfifo(self._gate)
        os.chown(self._gate, transport.account.uid, transport.account.gid)
        self.running: Running = start_play(
            play_of(
                {
                    "name": "loop",
                    "shell": command,
                    "loop": list(range(ITEMS)),
                    "ignore_errors": True,
                },
                {"name": "after", "ping": {}},
                ignore_unreachable=True,
            ),
            directory=scratch / "run",
            strategy=strategy,
            inventory={**transport.variables, "ansible_python_interpreter": "/usr/bin/python3"},
            # Ansible leaves it to Python when its output is written.
            env={"PYTHONUNBUFFERED": "1", **environment},
            extra_args=["-vvv"],
        )

    def waits(self) -> None:
        """Wait until the item that waits does so."""
        until(30, lambda: str(STOPS_AT) in self.done(), "the item that waits is run")

    def sent(self) -> int:
        """How many items were sent to the target."""
        return self._stdout.read_text().count("EXEC module ansible.modules.command")

    def done(self) -> list[str]:
        return self._done.read_text().split() if self._done.exists() else []

    def let_go(self) -> None:
        self._gate.write_text("let go\n")

    def slave(self) -> int:
        """The process of the slave: the parent of the item's call process."""
        (command,) = [p for p in processes.with_argument(str(self._gate)) if p.argv[:3] == "cat"]
        shell = processes.process(command.parent)
        call = processes.process(shell.parent) if shell else None
        assert call is not None
        return call.parent

    def remove(self) -> None:
        if self.running.process.poll() is None:
            self.running.process.kill()
        self.running.process.wait()
        self._gate.unlink()
        self._done.unlink(missing_ok=True)


@pytest.fixture
def loop(ssh: Transport, strategy: str, scratch: pathlib.Path):
    made = Loop(ssh, strategy, scratch)
    try:
        yield made
    finally:
        made.remove()


def test_items_are_sent_while_another_one_runs_and_run_after_it(loop: Loop) -> None:
    loop.waits()
    until(30, lambda: loop.sent() > STOPS_AT + 8, "items are sent ahead")
    assert loop.done() == [str(number) for number in range(STOPS_AT + 1)]
    loop.let_go()
    result = loop.running.wait(60)
    assert result.rc == 0, str(result)
    assert loop.done() == [str(number) for number in range(ITEMS)]
    assert result.one("after").status == "ok"


def test_no_item_is_sent_ahead_where_that_is_not_wanted(
    ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    loop = Loop(ssh, strategy, scratch, ANSIBLE_ECONTEXT_LOOPS="0")
    try:
        loop.waits()
        assert loop.sent() == STOPS_AT + 1
        loop.let_go()
        assert loop.running.wait(60).rc == 0
        assert loop.sent() == ITEMS
        assert loop.done() == [str(number) for number in range(ITEMS)]
    finally:
        loop.remove()


def test_nothing_is_run_after_an_interrupt(loop: Loop) -> None:
    loop.waits()
    until(30, lambda: loop.sent() > STOPS_AT + 8, "items are sent ahead")
    os.killpg(loop.running.process.pid, signal.SIGINT)
    assert loop.running.wait(30).rc != 0
    assert loop.done() == [str(number) for number in range(STOPS_AT + 1)]


def test_no_item_is_run_twice_when_the_slave_dies(loop: Loop) -> None:
    """What was sent ahead to it is lost with it; what comes later connects again."""
    loop.waits()
    until(30, lambda: loop.sent() > STOPS_AT + 8, "items are sent ahead")
    os.kill(loop.slave(), signal.SIGKILL)
    result = loop.running.wait(60)
    items = [one for one in result.tasks if one.item is not None]
    lost = {one.item for one in items if one.result.get("unreachable")}
    done = [int(number) for number in loop.done()]
    assert [one.item for one in items] == list(range(ITEMS)), str(result)
    assert STOPS_AT in lost and ITEMS - 1 not in lost, str(result)
    assert done == sorted(set(range(ITEMS)) - lost | {STOPS_AT}), str(result)
    assert result.one("after").status == "ok", str(result)
