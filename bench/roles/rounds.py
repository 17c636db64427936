"""Rounds: all contenders of a play one after the other, and again, each time in another order."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from bench.roles import outcome
from bench.roles.hosts import Hosts
from bench.roles.play_list import RealPlay
from bench.roles.prepared import Prepared, prepare
from bench.roles.runs import Run, Runner, Variant

TURNS = ("first", "second")

#: How many variants are run between two runs of what they are weighed against.
BETWEEN = 3


@dataclass(frozen=True)
class Cell:
    """What is run in one round by each contender."""

    play: RealPlay
    hosts: int
    round_trip: float
    turn: str


class Rounds:
    """Runs cells in rounds, and compares what the first hosts are left with."""

    def __init__(self, runner: Runner, variants: list[Variant], note: Callable[[Run], None]):
        self.runner = runner
        self.variants = variants
        self.note = note
        #: What is the same for all contenders: by the cell, of its first contender.
        self.expected: dict[Cell, tuple[str, outcome.Outcome]] = {}
        self.number = 0

    def go(self, cells: list[Cell], rounds: int) -> None:
        """Run all cells, a round of all before the next round."""
        for number in range(1, rounds + 1):
            # Somebody else goes first in every round, so that nobody always follows the same one.
            turn = (number - 1) % len(self.variants)
            for cell in cells:
                prepared = prepare(cell.play, self.runner)
                for variant in self.variants[turn:] + self.variants[:turn]:
                    self.note(self.on_new_hosts(variant, cell, prepared, number))

    def on_new_hosts(self, variant: Variant, cell: Cell, prepared: Prepared, number: int) -> Run:
        """Run a cell by one contender, on hosts that are made for it."""
        self.number += 1
        work = self.runner.work / f"h{self.number}"
        work.mkdir()
        try:
            if cell.turn == "second" and prepared.secret.exists():
                shutil.copytree(prepared.secret, work / "secret")
            with Hosts(work, prepared.layers(cell.turn), cell.hosts) as hosts:
                run = self.run(variant, cell, hosts, number)
                if not run.failure:
                    root = hosts.roots()[0]
                    found = outcome.Outcome.of(run.recap, root, run.results)
                    self.compare(run, cell, found)
            return run
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def on_same_hosts(self, cell: Cell, rounds: int) -> None:
        """Run the second run of a play by all contenders in turn, on hosts that stay.

        The play changes nothing any more, so that each run meets what the one before has met.
        """
        prepared = prepare(cell.play, self.runner)
        self.number += 1
        work = self.runner.work / f"h{self.number}"
        work.mkdir()
        if prepared.secret.exists():
            shutil.copytree(prepared.secret, work / "secret")
        try:
            with Hosts(work, prepared.layers("second"), cell.hosts) as hosts:
                # Uncounted: what a new host does once, and what compiles our own files.
                self.run(self.variants[0], cell, hosts, 0)
                for number in range(1, rounds + 1):
                    for variant in self.weighed(number, rounds):
                        self.note(self.run(variant, cell, hosts, number))
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def weighed(self, number: int, rounds: int) -> list[Variant]:
        """The order of a round: the first contender stands before, after, and among the others.

        So each of them has a run of it close by, whatever else the machine does meanwhile.
        """
        plain, *others = self.variants
        turn = (number - 1) * len(others) // rounds
        order = others[turn:] + others[:turn]
        found = [plain]
        for start in range(0, len(order), BETWEEN):
            found += [*order[start : start + BETWEEN], plain]
        return found

    def run(self, variant: Variant, cell: Cell, hosts: Hosts, number: int) -> Run:
        run = Run(variant.name, cell.play.name, cell.round_trip, cell.hosts, cell.turn, number)
        return self.runner.run(variant, cell.play, hosts, run)

    def compare(self, run: Run, cell: Cell, found: outcome.Outcome) -> None:
        """Note in a run where it differs from the first one of its cell."""
        first, expected = self.expected.setdefault(cell, (run.contender, found))
        if first != run.contender:
            run.differences = found.differences(expected)
