"""The command line: which targets of which ansible-core, in which ways."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import pathlib
import sys
import tempfile
from collections.abc import Iterator

from . import areas, report, source
from .login import login
from .trial import Bench, Outcome, Trial, Way

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/upstream/run",
        description="Runs integration targets out of ansible-core's source archive, by its own "
        "ansible-test, under the econtext strategy. A target that fails there is run again in "
        "the stock way; the exit status is 1 when there is one that passes only there. "
        "Targets change the machine that they run on: root's files, accounts and packages.",
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="what to run")
    parser.add_argument(
        "--areas", nargs="*", metavar="AREA", help="run the targets of areas.txt (default: all)"
    )
    parser.add_argument("--core", default="2.19", metavar="X.Y", help="which ansible-core")
    parser.add_argument(
        "--order",
        choices=("ours", "stock", "both"),
        default="ours",
        help="how every target is run; the default takes the stock way only where ours failed",
    )
    parser.add_argument(
        "--shadow",
        action="store_true",
        help="ours is the stock strategy with the connection plugins of plugins/shadow",
    )
    parser.add_argument(
        "--ssh", action="store_true", help="reach the target's host by ssh rather than locally"
    )
    parser.add_argument(
        "--timeout", type=float, default=600, metavar="SECONDS", help="for one target"
    )
    parser.add_argument(
        "--product",
        type=pathlib.Path,
        default=CHECKOUT,
        metavar="DIRECTORY",
        help="the checkout whose plugins are to run (default: this one)",
    )
    parser.add_argument("-v", dest="verbosity", action="count", default=0, help="Ansible's own")
    parser.add_argument("--list", action="store_true", help="print what would run")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[str]:
    names = list(options.targets)
    if options.areas is not None:
        names += areas.targets(options.areas)
    return list(dict.fromkeys(names))


def run(options: argparse.Namespace, bench: Bench) -> report.Report:
    """Run every target; what is known is printed as soon as it is."""
    ours = Way.SHADOW if options.shadow else Way.ECONTEXT
    results = report.Report(ours)
    for name in chosen(options):
        trials: dict[Way, Trial] = {}
        if options.order != "stock":
            trials[ours] = bench.run(name, ours)
        if options.order != "ours" or trials[ours].outcome is Outcome.FAILED:
            trials[Way.STOCK] = bench.run(name, Way.STOCK)
        results.add(name, trials)
    return results


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait for other runs on this machine: targets share accounts and files in /tmp."""
    with open(pathlib.Path(tempfile.gettempdir(), "econtext-upstream.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    options = arguments()
    if options.list:
        print("\n".join(chosen(options)))
        return 0
    tree = source.prepare(CHECKOUT, options.core)
    unknown = [name for name in chosen(options) if not tree.has(name)]
    for name in unknown:
        print(f"{name}: ansible-core {options.core} has no such target")
    options.targets = [name for name in chosen(options) if name not in unknown]
    options.areas = None
    with contextlib.ExitStack() as stack:
        stack.enter_context(alone())
        port = stack.enter_context(login(tree))
        plugins = options.product.resolve() / "plugins"
        by_ssh = port if options.ssh else None
        bench = Bench(tree, plugins, options.timeout, options.verbosity, by_ssh)
        results = run(options, bench)
    print(results.summary())
    return 1 if results.differences() else 0


if __name__ == "__main__":
    sys.exit(main())
