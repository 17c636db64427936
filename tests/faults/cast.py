"""Processes of a run, by the names that the table has for them."""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.play import Running
from tests.support import processes
from tests.support.processes import Process, until

from .stages import Scene


class Cast:
    """Finds the processes of one run at its stage."""

    def __init__(self, scene: Scene, running: Running, held: str) -> None:
        self._target = scene.target
        self._running = running
        self._held = held

    def find(self, name: str) -> Process:
        finders: dict[str, Callable[[], Process]] = {
            "ansible-playbook": self._playbook,
            "worker": self._worker,
            "broker": self._broker,
            "ssh": self._ssh,
            "sshd": self._sshd,
            "slave": self._target.slave,
            "become slave": self._target.become_slave,
            "sudo": self._sudo,
            "spare": self._spare,
            "call process": self._call,
            "warm process": self._call,
            "guard": self._guard,
            "command": self._command,
        }
        return finders[name]()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the run."""
        return dict(self._running.env)

    def ours(self) -> set[Process]:
        """Processes of the controller's side."""
        return processes.with_environment(self._running.marker)

    def _playbook(self) -> Process:
        return _process(self._running.process.pid)

    def _worker(self) -> Process:
        main = self._playbook()

        def look() -> list[Process]:
            return [p for p in self.ours() if p.parent == main.pid and p.argv == main.argv]

        (found,) = until(10, look, "a forked worker")
        return found

    def _broker(self) -> Process:
        def look() -> list[Process]:
            return [p for p in self.ours() if "ansible_econtext.broker.server" in p.argv.split()]

        (found,) = until(10, look, "a broker")
        return found

    def _ssh(self) -> Process:
        def look() -> list[Process]:
            return [p for p in self.ours() if p.argv.startswith("ssh ")]

        (found,) = until(10, look, "an ssh")
        return found

    def _sshd(self) -> Process:
        """The sshd of the session, which is the account's."""

        def look() -> list[Process]:
            uid = self._target.account.uid
            return [p for p in processes.of_user(uid) if p.argv.startswith("sshd: ")]

        (found,) = until(10, look, "a session's sshd")
        return found

    def _sudo(self) -> Process:
        """The sudo above the become slave, or the one that is about to be."""

        def look() -> list[Process]:
            return [p for p in self._target.living() if p.argv.startswith("sudo ")]

        return min(until(10, look, "a sudo"), key=lambda one: one.started)

    def _command(self) -> Process:
        arrived = self._target.arrived(self._held)
        assert arrived, f"nothing waits at {self._held}"
        return _process(arrived.command)

    def _call(self) -> Process:
        arrived = self._target.arrived(self._held)
        if arrived and self._held.startswith("at"):
            return _process(arrived.call)
        place = "source" if (self._target.directory / "source").exists() else "ansible-tmp"
        return self._target.with_open(self._target.slave(), place)

    def _spare(self) -> Process:
        slave = self._target.slave()
        arrived = self._target.arrived(self._held)
        return self._target.spare(slave, *([arrived.call] if arrived else ()))

    def _guard(self) -> Process:
        """The fork of the warm process that is not its command."""
        call = self._call()

        def look() -> list[Process]:
            return [one for one in self._target.pythons() if one.parent == call.pid]

        (found,) = until(10, look, f"a guard of {call}")
        return found


def _process(pid: int) -> Process:
    found = processes.process(pid)
    assert found, f"process {pid} is gone"
    return found
