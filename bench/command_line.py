"""The command: what can be asked for, and the order in which it is done."""

import argparse
import contextlib
import datetime
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import check_proxy, environment, processes, report, rows, table
from bench.contenders import CONTENDERS, Contender
from bench.data import Data
from bench.play_list import PLAYS, WARM_UP
from bench.rounds import Ground, Run
from bench.sshd import Server
from bench.target import Target

RESULTS = Path(__file__).parent / "results"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run",
        description="Run the same plays under econtext and its peers, side by side.",
        epilog="\n".join(
            ["plays:"]
            + [f"  {play.name:14} {play.about}" for play in PLAYS]
            + ["contenders:"]
            + [f"  {contender.name:14} {contender.about}" for contender in CONTENDERS]
            + ["rows of the table:"]
            + [f"  {row.name:14} {row.work}" for row in rows.ROWS]
            + [f"  {curve.name:14} a part of the plot" for curve in rows.CURVES]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    some = "separated by commas (default: all)"
    parser.add_argument("--plays", help=some)
    parser.add_argument("--contenders", help=some)
    parser.add_argument(
        "--rtt", default="0,10,50", help="round-trip times in ms (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument(
        "--ansible-core",
        "--core",
        default="",
        metavar="VERSION",
        help="2.19, say, or 2.19.14 (default: the newest there is)",
    )
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter for Ansible (default: this one)"
    )
    parser.add_argument(
        "--copy-megabytes", type=int, default=200, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--time-limit", type=int, default=600, metavar="SECONDS", help="of one run (default: 600)"
    )
    parser.add_argument("--check", action="store_true", help="check the latency proxy, and end")
    parser.add_argument(
        "--table", action="store_true", help="measure the rows of the table, instead of all plays"
    )
    parser.add_argument(
        "--rows", help="of the table, separated by commas (default: all); `ping` is all `ping-...`"
    )
    parser.add_argument(
        "--report", action="store_true", help="make docs/benchmark.rst from kept rows, and end"
    )
    options = parser.parse_args(arguments)
    try:
        options.rows = rows.chosen(options.rows)
        options.plays = choose(PLAYS, options.plays)
        options.round_trips = [float(text) for text in options.rtt.split(",")]
        options.named = bool(options.contenders)
        options.contenders = choose(CONTENDERS, options.contenders)
    except ValueError as error:
        parser.error(str(error))
    return options


def choose(known: list, names: str | None) -> list:
    """Those of the known things that were named, or all of them."""
    if not names:
        return known
    by_name = {thing.name: thing for thing in known}
    unknown = [name for name in names.split(",") if name not in by_name]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(by_name)}")
    return [by_name[name] for name in names.split(",")]


def taking_part(options: argparse.Namespace, prepared) -> list[Contender]:
    """The contenders that can take part. One that was asked for by name has to."""
    found = []
    for contender in options.contenders:
        reason = contender.missing(prepared)
        if not reason:
            found.append(contender)
        elif options.named:
            sys.exit(f"{contender.name} cannot take part: {reason}")
        else:
            print(f"{contender.name} does not take part: {reason}")
    return found


def measure_all(
    ground: Ground,
    contenders: list[Contender],
    options: argparse.Namespace,
    runs: list[Run],
) -> None:
    """All runs, in rounds; each is added to `runs` as soon as it is done."""
    for contender in contenders:
        result = ground.run(contender, WARM_UP, 0, 0)
        if result.failure:
            print(report.failures([result]), flush=True)
    for number in range(1, options.rounds + 1):
        # Somebody else goes first in every round, so that nobody always follows the same one.
        turn = (number - 1) % len(contenders)
        order = contenders[turn:] + contenders[:turn]
        for play in options.plays:
            for round_trip in options.round_trips:
                for contender in order:
                    run = ground.run(contender, play, round_trip, number)
                    runs.append(run)
                    print(progress(run), flush=True)


def progress(run: Run) -> str:
    if run.failure:
        return report.failure_line(run)
    state = ", warm" if run.warm else ""
    return (
        f"round {run.number}, {run.play}, {run.round_trip:g} ms, {run.contender}{state}: "
        f"{run.wall:.2f} s"
    )


def summarise(
    runs: list[Run], contenders: list[Contender], facts: dict, started: datetime.datetime
) -> None:
    """Print the tables and write the results."""
    about = {play.name: play.about for play in PLAYS}
    names = [contender.name for contender in contenders]
    parts = [", ".join(f"{key} {value}" for key, value in facts.items())]
    for summary in report.summaries(runs):
        parts.append(report.table(summary, about[summary["play"]], names))
    parts.append("`vs x`: how many times as fast as x, by the medians.")
    if failed := report.failures(runs):
        parts.append(failed)
    text = "\n\n".join(parts)
    print("\n" + text)
    path = report.write(RESULTS / started.strftime("%Y-%m-%dT%H-%M-%S"), facts, runs, text)
    print(f"\nWritten to {os.path.relpath(path)}")


@contextlib.contextmanager
def ground(
    prepared: environment.Environment, options: argparse.Namespace, pyinfra: Path | None = None
) -> Iterator[Ground]:
    """Build the ground, and leave nothing of it, whatever happens."""
    with contextlib.ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="econtext-bench-"))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        work.chmod(0o755)  # the target's account has its home inside
        target = stack.enter_context(Target(work))
        server = stack.enter_context(Server(work, target))
        # Called first of all: from there on only cleaning up, which nobody should interrupt.
        stack.callback(listen_to_signals, signal.SIG_IGN)
        data = Data(work / "data")
        data.write(options.copy_megabytes)
        yield Ground(work, server, prepared, data, options.time_limit, pyinfra)


def compete(prepared: environment.Environment, options: argparse.Namespace) -> int:
    """Run all plays by all contenders, and show the tables of it."""
    contenders = taking_part(options, prepared)
    facts = {
        "ansible-core": prepared.ansible_core,
        "mitogen": prepared.mitogen or "none that works",
        "python": prepared.python,
        "processors": os.cpu_count(),
        "system": platform.system() + " " + platform.machine(),
    }
    started = datetime.datetime.now()
    runs: list[Run] = []
    try:
        with ground(prepared, options) as place:
            measure_all(place, contenders, options, runs)
        return int(any(run.failure for run in runs))
    finally:
        if runs:
            summarise(runs, contenders, facts, started)


def fill_table(prepared: environment.Environment, options: argparse.Namespace) -> int:
    """Measure rows of the table, and show it."""
    pyinfra = table.pyinfra_if_needed(options.rows, options.python)
    versions = table.versions(prepared, pyinfra)
    failed: list[Run] = []

    def note(run: Run) -> None:
        print(progress(run), flush=True)
        if run.failure:
            failed.append(run)

    try:
        with ground(prepared, options, pyinfra) as place:
            table.measure(options.rows, place, options.rounds, versions, note)
    finally:
        print("\n" + table.show(table.minor(prepared.ansible_core), options.rows))
        if failed:
            print(report.failures(failed))
    return int(bool(failed))


def stop(number, frame) -> None:
    """Asked to end: leave as upon Ctrl-C, cleaning up."""
    raise KeyboardInterrupt


def listen_to_signals(handler) -> None:
    """What to do when asked to end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.check:
        return check_proxy.main()
    os.umask(0o022)
    try:
        if options.report:
            table.report(options.python)
            return 0
        prepared = environment.prepare(options.python, options.ansible_core)
        listen_to_signals(stop)
        processes.adopt_orphans()
        return fill_table(prepared, options) if options.table else compete(prepared, options)
    except environment.NotPreparedError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nStopped, and cleaned up.", flush=True)
        return 130
