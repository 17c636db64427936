"""From the runs of a row to its verdict: no measuring, no files."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from bench.rounds import Run
from bench.rows import ALONE, DIFFERENCE, Row, Side

MET = "met"
MISSED = "missed"
FAILED = "failed"
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Verdict:
    """What was measured for a row; all values in its unit, None where nothing came of it."""

    row: Row
    text: str
    #: The median over the rounds, the least, and the most.
    measured: float | None = None
    least: float | None = None
    most: float | None = None
    rounds: int = 0
    #: The medians of the two sides' own figures, in seconds or bytes.
    ours: float | None = None
    theirs: float | None = None


def of_side(runs: Iterable[Run], side: Side) -> list[Run]:
    """The runs of one side, failed ones too."""
    return [
        run
        for run in runs
        if (run.contender, run.play, run.warm) == (side.contender, side.play, side.warm)
    ]


def good(runs: Iterable[Run], side: Side) -> dict[int, float]:
    """The figure of one side in each round in which it did not fail."""
    return {run.number: getattr(run, side.figure) for run in of_side(runs, side) if not run.failure}


def judge(row: Row, runs: list[Run]) -> Verdict:
    """The verdict of a row: the median over the rounds of what each round gave.

    A round in which the peer failed gives nothing; one failure on our side, and the row has failed.
    """
    if not of_side(runs, row.ours):
        return Verdict(row, NOT_MEASURED)
    ours = good(runs, row.ours)
    theirs = good(runs, row.peer) if row.peer else {}
    if len(ours) < len(of_side(runs, row.ours)):
        return Verdict(row, FAILED, rounds=len(ours))
    values = [
        value(row, figure, theirs.get(number, 0.0))
        for number, figure in ours.items()
        if not row.peer or number in theirs
    ]
    if not values:
        return Verdict(row, f"{row.against} does not run", rounds=len(ours))
    measured = statistics.median(values)
    return Verdict(
        row,
        MET if measured <= row.at_most else MISSED,
        measured,
        min(values),
        max(values),
        len(values),
        statistics.median(ours.values()),
        statistics.median(theirs.values()) if theirs else None,
    )


def value(row: Row, ours: float, theirs: float) -> float:
    """What one round gives for a row."""
    if row.how == ALONE:
        return ours / row.scale
    if row.how == DIFFERENCE:
        return (ours - theirs) / row.scale
    return ours / theirs
