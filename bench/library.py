"""The library beside Mitogen's and execnet: `python3 -m bench.library --rounds 5`.

Each contender connects through ssh, over a proxy that delays and counts, to a server of this
benchmark's own; at depth 3 there are two slaves more behind it, each started by the one before.
It calls an empty function, imports a package of 20 modules, is looked at in memory, and moves
256 MB each way in pieces of 16 MB: a message of econtext has 64 MiB at the most.  The bytes do not
get smaller by compression.  `--ms local` starts the slave without ssh.

Contenders take turns, as other work of the machine slows them all, and another one begins each
round; each turn is a process of its own.  The figures are medians over the rounds.  Beside each row
stands the cost of econtext's session divided by the better peer's: the goal is 1 at the most.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import environment, library_rows, machine, processes
from bench.library_peers import CONTENDERS, Place, python_with
from bench.library_rows import ROWS, Run
from bench.library_turn import LONGEST, Turn
from bench.play_list import TARGET_PYTHON
from bench.sshd import Server
from bench.target import Target

ROOT = Path(__file__).parents[1]

#: Seconds after which a turn is ended, and counts as failed.
PATIENCE = 300.0

#: A place by its round-trip time and depth; None is without ssh.
Spot = tuple[float | None, int]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench.library",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each row of calls")
    parser.add_argument("--ms", type=listed, default="0,20", help="round-trip times, or local")
    parser.add_argument("--depth", type=listed, default="1,3", help="slaves on the way")
    parser.add_argument("--rows", type=listed, default=",".join(ROWS), help="%(default)s")
    parser.add_argument("--contenders", type=listed, default=",".join(CONTENDERS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    for name, known in (("rows", ROWS), ("contenders", CONTENDERS)):
        if unknown := set(getattr(options, name)) - set(known):
            parser.error(f"--{name}: {', '.join(sorted(unknown))}: not among {', '.join(known)}")
    spots = [
        (None if ms == "local" else float(ms), int(depth))
        for ms in options.ms
        for depth in options.depth
    ]
    pythons = {name: python_with(CONTENDERS[name].package) for name in options.contenders}
    pythons = {name: python for name, python in pythons.items() if python}
    with server_of(spots) as server:
        runs = measure(spots, pythons, options, server)
    report(spots, list(pythons), options, runs)


def listed(text: str) -> list[str]:
    """Return the words of an option, between commas; in names a comma has a blank behind it."""
    return re.split(r",(?! )", text)


@contextlib.contextmanager
def server_of(spots: list[Spot]) -> Iterator[Server | None]:
    """Run an ssh server with an account of its own, if a place is behind ssh."""
    if all(ms is None for ms, _ in spots):
        yield None
        return
    processes.adopt_orphans()
    work = Path(tempfile.mkdtemp(prefix="econtext-library-"))
    work.chmod(0o755)
    try:
        with Target(work) as target, Server(work, target) as server:
            yield server
    finally:
        shutil.rmtree(work, ignore_errors=True)


def measure(
    spots: list[Spot],
    pythons: dict[str, str],
    options: argparse.Namespace,
    server: Server | None,
) -> list[Run]:
    """Return the runs of all turns, failed ones too."""
    runs: list[Run] = []
    names = list(pythons)
    for number in range(options.rounds):
        for ms, depth in spots:
            first = number % len(names)
            for name in [*names[first:], *names[:first]]:
                if ms is None and not CONTENDERS[name].is_local:
                    continue
                turn = Turn(
                    name,
                    place_of(ms, depth, server),
                    tuple(options.rows),
                    options.seconds,
                    ms or 0.0,
                    server.process.pid if server and ms is not None else 0,
                )
                figures, failure = take(turn, pythons[name])
                if server:
                    server.end_sessions()
                runs.append(Run(name, ms, depth, number, figures, failure))
                said = failure or "done"
                print(
                    f"round {number + 1}, {titled(ms, depth)}, {name}: {said}",
                    file=sys.stderr,
                    flush=True,
                )
    return runs


def place_of(ms: float | None, depth: int, server: Server | None) -> Place:
    if ms is None or server is None:
        return Place(TARGET_PYTHON, depth)
    return Place(TARGET_PYTHON, depth, server.port, server.target.user, str(server.key))


def titled(ms: float | None, depth: int) -> str:
    return f"{'without ssh' if ms is None else f'ssh at {ms:g} ms'}, depth {depth}"


def take(turn: Turn, python: str) -> tuple[dict[str, float], str]:
    """Run one turn in a process of its own; return its figures, and why there are none."""
    process = subprocess.Popen(
        [python, "-m", "bench.library_turn", turn.to_json()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return {}, f"not done after {PATIENCE:g} s"
    if process.returncode:
        last = errors.strip().splitlines()[-1:] or ["it said nothing"]
        return {}, f"status {process.returncode}: {last[0]}"
    return json.loads(output), ""


def report(
    spots: list[Spot], contenders: list[str], options: argparse.Namespace, runs: list[Run]
) -> None:
    """Print the tables, and write the file that was asked for."""
    versions = versions_of(contenders)
    print(f"\n{options.rounds} rounds, medians; {', '.join(map(' '.join, versions.items()))}")
    print("256 MB go in pieces of 16 MB, one after the other, as a message has 64 MiB at the most;")
    print(f"{LONGEST:g} s after the first no further piece begins. The bytes cannot be compressed.")
    rows = [row for name in options.rows for row in ROWS[name]]
    verdicts = []
    for ms, depth in spots:
        here = [run for run in runs if (run.ms, run.depth) == (ms, depth)]
        print(f"\n{titled(ms, depth)}\n{library_rows.table(rows, contenders, here)}")
        found = [
            *(library_rows.judge(row, here) for row in rows),
            library_rows.judge_isolated(here),
        ]
        verdicts += [{"ms": ms, "depth": depth, **dataclasses.asdict(each)} for each in found]
    for run in runs:
        if run.failure:
            print(f"failed: {titled(run.ms, run.depth)}, {run.contender}: {run.failure}")
    if options.json:
        kept = {
            "machine": machine.describe(),
            "versions": versions,
            "seconds": options.seconds,
            "runs": [dataclasses.asdict(run) for run in runs],
            "verdicts": verdicts,
        }
        options.json.write_text(json.dumps(kept, indent=1) + "\n")


def versions_of(contenders: list[str]) -> dict[str, str]:
    """Return the versions of the peers that take part."""
    packages = {CONTENDERS[name].package for name in contenders} - {""}
    prepared = {name: environment.prepare_tool(sys.executable, name) for name in sorted(packages)}
    return {
        name: json.loads((directory / "ready.json").read_text())
        for name, directory in prepared.items()
    }


if __name__ == "__main__":
    main()
