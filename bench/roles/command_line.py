"""The command `bench/run-roles`: what can be asked for, and the order in which it is done."""

import argparse
import contextlib
import datetime
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import processes
from bench.command_line import RESULTS, choose, listen_to_signals, stop
from bench.contenders import CONTENDERS
from bench.environment import NotPreparedError
from bench.roles import figures, public, weighing
from bench.roles.play_list import PLAYS, TABLE
from bench.roles.prepared import prepare
from bench.roles.rounds import TURNS, Cell, Rounds
from bench.roles.runs import Run, Runner, Variant


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run-roles",
        description="Run plays of public roles on Debian systems, under econtext and its peers.",
        epilog="\n".join(
            ["plays:"]
            + [f"  {play.name:20} {play.about}" for play in PLAYS + TABLE]
            + ["contenders:"]
            + [f"  {contender.name:20} {contender.about}" for contender in CONTENDERS]
            + ["switches:"]
            + [f"  {name:20} {' '.join(each)}" for name, each in weighing.SWITCHES.items()]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    some = "separated by commas (default: all)"
    parser.add_argument("--plays", help=some)
    parser.add_argument("--contenders", help=some)
    parser.add_argument("--rtt", default="0,30", help="in ms (default: %(default)s)")
    parser.add_argument("--hosts", default="1,8", help="how many (default: %(default)s)")
    parser.add_argument("--turns", default="first,second", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--core", default="2.19", help="ansible-core (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="interpreter for Ansible")
    parser.add_argument("--time-limit", type=int, default=900, metavar="SECONDS", help="of a run")
    parser.add_argument("--prepare", action="store_true", help="make what the plays need, and end")
    parser.add_argument(
        "--prepare-by", default="stock", metavar="CONTENDER", help="default: %(default)s"
    )
    parser.add_argument(
        "--weigh",
        action="append",
        metavar="NAME",
        help="econtext with a switch off, beside econtext as it is, in second runs on hosts that"
        " stay: the name of a switch, `switches` for all, or NAME:VARIABLE=VALUE;VARIABLE=VALUE;"
        " may be given many times",
    )
    parser.add_argument(
        "--results", action="store_true", help="compare results of tasks too; figures suffer"
    )
    parser.add_argument("--checkout", type=Path, help="econtext is that of another checkout")
    parser.add_argument("--name", default="", help="of the results (default: the time)")
    options = parser.parse_args(arguments)
    try:
        understand(options)
    except ValueError as error:
        parser.error(str(error))
    return options


def understand(options: argparse.Namespace) -> None:
    """Replace the names by the things that they stand for."""
    options.plays = choose(PLAYS + TABLE, options.plays) if options.plays else PLAYS
    choose(CONTENDERS, options.prepare_by)
    if unknown := set(options.turns.split(",")) - set(TURNS):
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(TURNS)}")
    if options.weigh:
        econtext = weighing.of_checkout(weighing.ECONTEXT, options.checkout)
        options.variants = weighing.variants(options.weigh, econtext)
    else:
        options.variants = [
            Variant(each.name, weighing.of_checkout(each, options.checkout))
            for each in choose(CONTENDERS, options.contenders)
        ]
    turns = ["second"] if options.weigh else options.turns.split(",")
    options.cells = [
        Cell(play, int(number), float(round_trip), turn)
        for play in options.plays
        for turn in turns
        for number in options.hosts.split(",")
        for round_trip in options.rtt.split(",")
    ]


@contextlib.contextmanager
def work_directory() -> Iterator[Path]:
    """A directory that is removed at the end, whatever happens."""
    work = Path(tempfile.mkdtemp(prefix="econtext-bench-"))
    try:
        yield work
    finally:
        listen_to_signals(signal.SIG_IGN)  # from here on only cleaning up
        processes.end_descendants()
        shutil.rmtree(work, ignore_errors=True)


def compete(runner: Runner, options: argparse.Namespace) -> int:
    """Run all cells, and show the tables of it."""
    runs: list[Run] = []
    name = options.name or datetime.datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    facts = {
        "ansible-core": runner.prepared.ansible_core,
        "mitogen": runner.prepared.mitogen,
        "processors": os.cpu_count(),
        "variants": {variant.name: variant.variables for variant in options.variants},
    }

    def keep(run: Run) -> None:
        runs.append(run)
        print(figures.progress(run), flush=True)
        figures.write(RESULTS / "roles" / name, facts, runs, tables(runs, options))

    rounds = Rounds(runner, options.variants, keep)
    try:
        if options.weigh:
            for cell in options.cells:
                rounds.on_same_hosts(cell, options.rounds)
        else:
            rounds.go(options.cells, options.rounds)
    finally:
        print("\n" + tables(runs, options))
    return int(any(run.failure or run.differences for run in runs))


def tables(runs: list[Run], options: argparse.Namespace) -> str:
    """The tables of what was run so far."""
    names = [variant.name for variant in options.variants]
    if options.weigh:
        return figures.weights(runs, names, "econtext")
    return figures.table(runs, names, [name for name in ("stock", "mitogen") if name in names])


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if os.geteuid() != 0:
        sys.exit("The hosts are made in namespaces: run this as root.")
    os.umask(0o022)
    try:
        prepared = public.prepare(options.python, options.core)
        listen_to_signals(stop)
        processes.adopt_orphans()
        with work_directory() as work:
            runner = Runner(work, prepared, options.time_limit, options.results)
            for play in options.plays:
                prepare(play, runner, options.prepare_by)
            return 0 if options.prepare else compete(runner, options)
    except NotPreparedError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nStopped, and cleaned up.", flush=True)
        return 130
