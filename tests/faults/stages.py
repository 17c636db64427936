"""Stages: which tasks bring a run there, when it has arrived, and what lets it go on.

A stage is reached by a gate at which a command waits, or by a connection that the proxy holds.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import Any

from tests.support.processes import until

from .proxy import DOWN, UP, Proxy
from .target import Target

Task = dict[str, Any]

#: Bytes of a file that is put or fetched, and those after which the connection is held.
SIZE, PART = 3_000_000, 300_000

#: Bytes that ssh and the first stage send before the bundle, and a good part of that.
IN_BUNDLE = 11_000

#: Seconds to reach a stage.
_SOON = 40


@dataclasses.dataclass
class Scene:
    """Where a cell plays: the target, the way to it, and the controller's directory."""

    target: Target
    proxy: Proxy
    directory: pathlib.Path
    has_ended: Callable[[], str] = lambda: ""
    #: More of the run's environment and of ansible.cfg, and what is called with Ansible's home
    #: before the run starts.
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    configuration: dict[str, str] = dataclasses.field(default_factory=dict)
    before_start: list[Callable[[str], None]] = dataclasses.field(default_factory=list)

    def until(self, look: Callable[[], Any], words: str) -> Any:
        """Wait for what `look` finds; fail with the run's output if that ended first."""

        def at_last() -> Any:
            found = look()
            ended = "" if found else self.has_ended()
            assert not ended, f"the run ended before {words}\n{ended}"
            return found

        return until(_SOON, at_last, words)

    def counted(self, name: str, **keywords: Any) -> Task:
        return {"name": name, "command": f"{self.target.gate} {name}", **keywords}

    def hold_link(self, direction: str, after: int) -> None:
        """Wait for the gate `arm`, then have the present connection held."""
        self.until(lambda: self.target.arrived("arm"), "the task `arm` runs")
        self.proxy.last.hold(direction, after)
        self.target.release("arm")

    def link_held(self) -> None:
        self.until(lambda: self.proxy.connections and self.proxy.last.held.is_set(), "it is held")


class Stage:
    """By a gate: the command of the task `at` waits."""

    held = ("at",)

    def prepare(self, scene: Scene) -> None:
        for name in self.held:
            scene.target.hold(name)

    def tasks(self, scene: Scene) -> list[Task]:
        return [scene.counted("before"), scene.counted("at"), scene.counted("after")]

    def reach(self, scene: Scene) -> None:
        scene.until(lambda: scene.target.arrived(self.held[0]), "the task waits at its gate")

    def release(self, scene: Scene) -> None:
        scene.target.release()


class First(Stage):
    """While the slave is started, for which the first task waits."""

    held = ()

    def __init__(self, after: int) -> None:
        self._after = after

    def prepare(self, scene: Scene) -> None:
        scene.proxy.hold_next(UP, self._after)

    def tasks(self, scene: Scene) -> list[Task]:
        return [scene.counted("at"), scene.counted("after")]

    def reach(self, scene: Scene) -> None:
        scene.link_held()

    def release(self, scene: Scene) -> None:
        for connection in list(scene.proxy.connections):
            connection.resume()


class Login(Stage):
    """In the session's own startup file, before the command is started."""

    held = ("login",)

    def prepare(self, scene: Scene) -> None:
        super().prepare(scene)
        rc = scene.target.account.home / ".ssh" / "rc"
        scene.target.script(rc, f"{scene.target.gate} login\n")

    def tasks(self, scene: Scene) -> list[Task]:
        return [scene.counted("at"), scene.counted("after")]


class Import(Stage):
    def tasks(self, scene: Scene) -> list[Task]:
        environment = {"FAULTS_GATE": str(scene.target.gate)}
        at = {"name": "at", "held_import": {}, "environment": environment}
        return [scene.counted("before"), at, scene.counted("after")]


class Loop(Stage):
    """The second item waits, and those behind it are with the slave."""

    held = ("at-2",)

    def tasks(self, scene: Scene) -> list[Task]:
        at = {"name": "at", "command": f"{scene.target.gate} at-{{{{ item }}}}"}
        at["loop"] = [1, 2, 3, 4, 5, 6]
        return [scene.counted("before"), at, scene.counted("after")]


class Become(Stage):
    """sudo has been started, and has not yet started anything."""

    held = ("become",)

    def tasks(self, scene: Scene) -> list[Task]:
        wrapper = scene.target.directory / "sudo"
        wrapper.write_text(f'#!/bin/sh\n{scene.target.gate} become\nexec sudo "$@"\n')
        wrapper.chmod(0o755)
        as_root = {"become": True, "vars": {"ansible_become_exe": str(wrapper)}}
        at, after = scene.counted("at", **as_root), scene.counted("after")
        return [scene.counted("before"), at, after]


class AsRoot(Stage):
    """A command of the superuser's slave waits."""

    def tasks(self, scene: Scene) -> list[Task]:
        names = ("before", "at", "after")
        return [scene.counted(name, become=True) for name in names]


class Link(Stage):
    """The connection is held in the middle of something that follows the task `arm`."""

    held = ("arm",)
    direction, after = UP, 0

    def tasks(self, scene: Scene) -> list[Task]:
        return [scene.counted("arm"), *self.held_tasks(scene), scene.counted("after")]

    def held_tasks(self, scene: Scene) -> list[Task]:
        raise NotImplementedError

    def reach(self, scene: Scene) -> None:
        scene.hold_link(self.direction, self.after)
        scene.link_held()

    def release(self, scene: Scene) -> None:
        super().release(scene)
        for connection in list(scene.proxy.connections):
            connection.resume()


class Put(Link):
    after = PART

    def held_tasks(self, scene: Scene) -> list[Task]:
        source = scene.directory / "source"
        source.write_bytes(os.urandom(SIZE))
        destination = str(scene.target.directory / "put")
        return [{"name": "at", "copy": {"src": str(source), "dest": destination}}]


class Fetch(Link):
    direction, after = DOWN, PART

    def held_tasks(self, scene: Scene) -> list[Task]:
        source = scene.target.directory / "source"
        source.write_bytes(os.urandom(SIZE))
        source.chmod(0o644)
        fetch = {"src": str(source), "dest": f"{scene.directory}/fetched", "flat": True}
        return [{"name": "at", "fetch": fetch}]


class Idle(Stage):
    """ansible-playbook is at a task of its own, and the slave has nothing to do."""

    held = ("idle",)

    def tasks(self, scene: Scene) -> list[Task]:
        between = waiting(scene)
        return [scene.counted("before"), between, scene.counted("at"), scene.counted("after")]


def waiting(scene: Scene) -> Task:
    """Return a task of the controller alone, which waits at the gate `idle`."""
    lookup = "{{ lookup('ansible.builtin.pipe', '" + f"{scene.target.gate} idle" + "') }}"
    return {"name": "between", "debug": {"msg": lookup}}


class Reset(Link):
    """The slave is to end, and its connection is held; none is there yet for the next task."""

    held = ("arm", "idle")

    def held_tasks(self, scene: Scene) -> list[Task]:
        return [{"meta": "reset_connection"}, waiting(scene)]

    def reach(self, scene: Scene) -> None:
        super().reach(scene)
        scene.until(lambda: scene.target.arrived("idle"), "the connection was reset")


class Shutdown(Link):
    """All tasks are over, and the run is about to end."""

    def tasks(self, scene: Scene) -> list[Task]:
        return [scene.counted("arm")]

    def reach(self, scene: Scene) -> None:
        scene.hold_link(self.direction, self.after)
        record = scene.directory / "run" / "record"
        scene.until(lambda: "summary" in record.read_text("utf-8"), "all tasks are over")


STAGES: dict[str, Stage] = {
    "connect": First(0),
    "login": Login(),
    "bundle": First(IN_BUNDLE),
    "import": Import(),
    "call": Stage(),
    "loop": Loop(),
    "put": Put(),
    "fetch": Fetch(),
    "become": Become(),
    "as root": AsRoot(),
    "reset": Reset(),
    "idle": Idle(),
    "shutdown": Shutdown(),
}
