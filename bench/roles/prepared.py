"""What is prepared for a play once: its packages, and the tree that its first run leaves.

No measured run waits for a mirror: the first runs find the packages in apt's cache. And the second
runs of all contenders begin with one tree, which a first run has left: stock Ansible's, unless
another contender was asked to, which is faster.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.contenders import CONTENDERS, Contender
from bench.environment import NotPreparedError
from bench.roles import base
from bench.roles.hosts import Hosts
from bench.roles.play_list import RealPlay
from bench.roles.runs import Run, Runner, Variant

ARCHIVES = "var/cache/apt/archives"


@dataclass(frozen=True)
class Prepared:
    """The layers of a play's hosts, and the controller's secrets after the first run."""

    directory: Path
    base: Path

    @property
    def secret(self) -> Path:
        return self.directory / "secret"

    def layers(self, turn: str) -> list[Path]:
        """The layers that the hosts of a first or second run begin with, the topmost first."""
        own = self.directory / ("done" if turn == "second" else "packages")
        return [own, self.base]


def prepare(play: RealPlay, runner: Runner, by: str = "stock") -> Prepared:
    """Return what is prepared for a play; made by a contender's first run if it is missing."""
    core = runner.prepared.ansible_core
    found = Prepared(base.TREES / f"{play.name}-{core}", base.prepare())
    if not (found.directory / "ready").exists():
        print(f"Preparing {play.name} ...", flush=True)
        shutil.rmtree(found.directory, ignore_errors=True)
        found.directory.mkdir()
        make(found, play, runner, next(each for each in CONTENDERS if each.name == by))
        (found.directory / "ready").touch()
    return found


def make(found: Prepared, play: RealPlay, runner: Runner, contender: Contender) -> None:
    """Run a play once, and keep what the host has then."""
    work = runner.work / f"prepare-{play.name}"
    work.mkdir()
    with Hosts(work, [found.base], 1) as hosts:
        run = Run(contender.name, play.name, 0, 1, "first", 0)
        runner.run(Variant(contender.name, contender), play, hosts, run)
        print(f"  {run.wall:.1f} s, {run.recap or run.failure}", flush=True)
        if run.failure:
            lines = "\n".join(run.last_lines)
            raise NotPreparedError(f"{play.name}: {run.failure}\n{lines}")
        packages = found.directory / "packages" / ARCHIVES
        packages.mkdir(parents=True)
        for path in (hosts.roots()[0] / ARCHIVES).glob("*.deb"):
            shutil.copy(path, packages)
            path.unlink()
        hosts.keep_layer(found.directory / "done")
    if (work / "secret").exists():
        shutil.copytree(work / "secret", found.secret)
