"""The soak: `nice -n 15 python3 -m bench.soak tasks`, `hosts` or `runs`; see docs/soak.rst."""

import argparse
import contextlib
import datetime
import json
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import environment, machine, processes
from bench.command_line import RESULTS
from bench.soak import parts, report, runs
from bench.soak.place import Place, sudo_allowed
from bench.sshd import Server
from bench.target import Target


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("part", choices=["tasks", "hosts", "runs", "report"])
    parser.add_argument("--tasks", type=int, help="of each host (default: 10,000, or 50)")
    parser.add_argument("--hosts", type=int, default=200, help="of `hosts` (default: 200)")
    parser.add_argument("--seconds", type=float, default=3600, help="of `runs` (default: 3600)")
    parser.add_argument("--seed", type=int, help="of `runs` (default: a new one, which is kept)")
    parser.add_argument("--strategy", default="econtext", help="linear, to compare with")
    parser.add_argument("--core", default="2.19")
    options = parser.parse_args()
    if options.part == "report":
        report.draw_all(RESULTS / "soak")
        return
    prepared = environment.prepare(sys.executable, options.core)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # it tidies up, as after Ctrl-C
    with place_of(options, prepared) as place:
        found = soak(options, place) | {
            "part": options.part,
            "strategy": options.strategy,
            "date": datetime.date.today().isoformat(),
            "machine": machine.describe(),
            "ansible_core": f"{prepared.ansible_core} on Python {prepared.python}",
        }
    looks(options).with_suffix(".json").write_text(json.dumps(found, indent=1))
    report.show(looks(options))


def soak(options: argparse.Namespace, place: Place) -> dict:
    """Carry out the part that is asked for."""
    if options.part == "runs":
        seed = random.randrange(10**6) if options.seed is None else options.seed
        return runs.random_runs(place, options.seconds, seed, looks(options))
    count = options.tasks or (10_000 if options.part == "tasks" else 50)
    return parts.steady(place, count, looks(options))


def looks(options: argparse.Namespace) -> Path:
    """Return the file of the looks; that of what was found is beside it."""
    directory = RESULTS / "soak"
    directory.mkdir(parents=True, exist_ok=True)
    name = options.part if options.strategy == "econtext" else f"{options.part}-{options.strategy}"
    return directory / f"{name}.jsonl"


@contextlib.contextmanager
def place_of(options: argparse.Namespace, prepared: environment.Environment) -> Iterator[Place]:
    """Make a place with its server; at the end everything that was begun there is gone."""
    hosts = {"tasks": 1, "hosts": options.hosts, "runs": runs.HOSTS}[options.part]
    processes.adopt_orphans()
    work = Path(tempfile.mkdtemp(prefix="econtext-soak-"))
    work.chmod(0o755)
    try:
        with Target(work) as target, sudo_allowed(target), Server(work, target) as server:
            place = Place(work / "place", server, prepared, hosts, options.strategy)
            place.make()
            try:
                yield place
            finally:
                place.stop()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
