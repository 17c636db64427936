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
from pathlib import Path

from bench import check_proxy, environment, processes, report
from bench.contenders import CONTENDERS, Contender
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
        "--ansible-core", default="", metavar="VERSION", help="default: the newest there is"
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
    options = parser.parse_args(arguments)
    try:
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


def write_large_file(path: Path, megabytes: int) -> None:
    """A file that no compression makes smaller."""
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))


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
    return (
        f"round {run.number}, {run.play}, {run.round_trip:g} ms, {run.contender}: {run.wall:.2f} s"
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


def compete(
    prepared: environment.Environment,
    contenders: list[Contender],
    options: argparse.Namespace,
    runs: list[Run],
) -> None:
    """Build the ground, do all runs, and leave nothing of it, whatever happens."""
    with contextlib.ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="econtext-bench-"))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        work.chmod(0o755)  # the target's account has its home inside
        target = stack.enter_context(Target(work))
        server = stack.enter_context(Server(work, target))
        # Called first of all: from there on only cleaning up, which nobody should interrupt.
        stack.callback(listen_to_signals, signal.SIG_IGN)
        large_file = work / "large"
        write_large_file(large_file, options.copy_megabytes)
        ground = Ground(work, server, prepared, large_file, options.time_limit)
        measure_all(ground, contenders, options, runs)


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
    try:
        prepared = environment.prepare(options.python, options.ansible_core)
    except environment.NotPreparedError as error:
        sys.exit(str(error))
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
    os.umask(0o022)
    listen_to_signals(stop)
    processes.adopt_orphans()
    try:
        compete(prepared, contenders, options, runs)
        return int(any(run.failure for run in runs))
    except KeyboardInterrupt:
        print("\nStopped, and cleaned up.", flush=True)
        return 130
    finally:
        if runs:
            summarise(runs, contenders, facts, started)
