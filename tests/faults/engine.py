"""Plays one cell: to the stage, the fault, to the end, and what must hold afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext

from tests.integration.play import (
    ANSIBLE_PLAYBOOK,
    CHECKOUT,
    Play,
    Result,
    Running,
    prepared,
)
from tests.support import processes
from tests.support.processes import until

from .cast import Cast
from .faults import SIGNALS
from .hosts import Host, Hosts
from .stages import STAGES, Scene, Stage
from .table import Cell
from .target import Target

LIBRARY = pathlib.Path(__file__).resolve().parent / "library"

#: Gates that are no tasks: a second attempt passes them again.
GATES = ("login", "become", "idle")

#: With ECONTEXT_TEST_STRATEGY=linear a cell shows what stock Ansible does.
STRATEGY = os.environ.get("ECONTEXT_TEST_STRATEGY", "econtext")

#: Seconds until a run has ended after its fault, a process after its signal, and the rest of a
#: run after that.
RUN, SIGNAL, REST = 40, 15, 15


class Performance:
    """One cell on its way; made by `performed`."""

    def __init__(self, cell: Cell, host: Host, directory: pathlib.Path) -> None:
        self.cell = cell
        self.stage: Stage = STAGES[cell.stage]
        self.target = Target(directory, host.account)
        self.scene = Scene(self.target, host.proxy, directory)
        self._host = host
        self.running: Running
        self.result: Result

    def start(self) -> None:
        cell, run = self.cell, self.scene.directory / "run"
        if cell.is_at_stage:
            self.stage.prepare(self.scene)
        special = dict(cell.special.variables) if cell.special else {}
        environment = prepared(
            run,
            STRATEGY,
            {"target": self._host.variables(self.target) | special},
            env={
                "ANSIBLE_ECONTEXT_PERSIST": str(cell.persist),
                "ANSIBLE_ECONTEXT_STAYING": "60" if cell.is_warm else "0",
                "ANSIBLE_ECONTEXT_THREADS": "0" if cell.process == "worker" else "1",
                **self.scene.environment,
            },
            cfg={"library": str(LIBRARY), **self.scene.configuration},
        )
        for call in self.scene.before_start:
            call(str(run / "home"))
        (run / "play.yml").write_text(json.dumps(self._play()), encoding="utf-8")
        before = cell.special.controller if cell.special else ()
        command = [*before, str(ANSIBLE_PLAYBOOK), str(run / "play.yml")]
        self.running = Running(command, run, environment)
        self.scene.has_ended = self._ended

    def _play(self) -> Play:
        tasks = self.stage.tasks(self.scene)
        for task in tasks:
            if "meta" not in task:
                task |= {"ignore_errors": True, "ignore_unreachable": True}
            if self.cell.special and task.get("name") == "at":
                task |= self.cell.special.keywords
        return [{"hosts": "target", "gather_facts": False, "tasks": tasks}]

    def _ended(self) -> str:
        return "" if self.running.process.poll() is None else str(self.running.wait())

    # The fault

    def strike(self) -> None:
        """Do what the cell is about, and wait for its effect before the stage goes on."""
        held = self.stage.held[0] if self.stage.held else ""
        cast, special = Cast(self.scene, self.running, held), self.cell.special
        if special and special.strike:
            special.strike(self.scene, cast)
            return
        victim, number = cast.find(self.cell.process), SIGNALS[self.cell.fault]
        if self.cell.fault == "Ctrl-C":  # the terminal signals the foreground group
            os.killpg(victim.pid, number)
        else:
            os.kill(victim.pid, number)
        if self.cell.is_stop:
            until(SIGNAL, lambda: self._stopped() & {victim}, "it is stopped")
        else:
            processes.gone({victim}, SIGNAL)

    def finish(self) -> None:
        self.stage.release(self.scene)
        if self.cell.is_stop:
            until(RUN, self._wake, "the run has ended")
        self.result = self.running.wait(RUN)
        self.scene.proxy.end_dead()

    def _stopped(self) -> set[processes.Process]:
        return {one for one in self.living() if one.is_stopped}

    def _wake(self) -> bool:
        """Wake what is stopped (a sudo stops when its command does); say if the run has ended."""
        for one in self._stopped():
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGCONT)
        return self.running.process.poll() is not None

    # Afterwards

    def outcome(self) -> str:
        """The class of each counted task's result, in order: "ok", "failed", "unreachable"."""
        words = {"ignored": "failed"}
        whole = [one for one in self.result.tasks if not one.status.startswith("item")]
        found = {one.task: words.get(one.status, one.status) for one in whole}
        wanted = ("at", "after") if self.cell.stage != "shutdown" else ("arm",)
        return " ".join(found.get(name, "none") for name in wanted)

    def stop(self) -> None:
        """End a broker that stays, as a user does."""
        if self.cell.persist:
            subprocess.run(
                [sys.executable, "-m", "ansible_econtext.cli", "stop"],
                env=self.running.env | {"PYTHONPATH": str(CHECKOUT)},
                check=True,
                capture_output=True,
                timeout=60,
            )

    def living(self) -> set[processes.Process]:
        return processes.with_environment(self.running.marker) | self.target.living()

    def wrong(self) -> list[str]:
        """Return what is not as it must be after each cell, a line for each."""
        found = [*self._living_on(), *self._files(), *self._half_files(), *self._executions()]
        if (outcome := self.outcome()) not in self.cell.outcome.split("|"):
            found.append(f"the outcome is {outcome!r}, not {self.cell.outcome!r}")
        if self.cell.is_ended not in (None, self.result.rc != 0):
            found.append(f"the run ended with status {self.result.rc}")
        return found

    def _living_on(self) -> Iterator[str]:
        try:
            until(REST, lambda: not self.living(), "nothing of the run lives on")
        except AssertionError as error:
            yield f"{error}: {self.living()}"

    def _files(self) -> Iterator[str]:
        allowed = self.cell.leaves
        runtime = (str(path) for path in (self.scene.directory / "run").rglob("econtext/*"))
        for path in (*self.target.left(), *runtime):
            if not (allowed and re.search(allowed, path)):
                yield f"{path} is left"

    def _half_files(self) -> Iterator[str]:
        sources = (self.scene.directory / "source", self.target.directory / "source")
        for path in (self.target.directory / "put", self.scene.directory / "fetched"):
            if path.exists():
                whole = next(one for one in sources if one.exists()).read_bytes()
                if path.read_bytes() != whole:
                    yield f"{path} is half a file"

    def _executions(self) -> Iterator[str]:
        count = self.target.executions()
        for name, number in count.items():
            if number > 1 and name not in GATES:
                yield f"{name} was executed {number} times"
        for task in self.result.tasks:
            command = task.result.get("cmd")
            if task.status in ("ok", "item ok") and command and not count[command[-1]]:
                yield f"{command[-1]} is ok, but was not executed"

    def close(self) -> None:
        if hasattr(self, "running"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.running.process.pid, signal.SIGKILL)
            self.running.process.wait()
            processes.end(self.living())
        self.target.close()
        self._host.proxy.reset()


@contextlib.contextmanager
def performed(cell: Cell, hosts: Hosts, directory: pathlib.Path) -> Iterator[Performance]:
    """Play the cell to its end; the caller looks at what came of it."""
    with hosts.for_fault(cell.special) as host:
        performance = Performance(cell, host, directory)
        around = cell.special.around(performance.scene) if cell.special else nullcontext()
        try:
            with around:
                performance.start()
                if cell.is_at_stage:
                    performance.stage.reach(performance.scene)
                    performance.strike()
                performance.finish()
            performance.stop()
            yield performance
        finally:
            performance.close()
