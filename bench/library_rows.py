"""Rows of `bench/library.py`: from figures to verdicts, to the table.  No measuring."""

import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bench.library_peers import ISOLATED, OWN_LOOP, SESSION
from bench.verdicts import FAILED, MET, MISSED, NOT_MEASURED

#: Seconds that an isolated call may take besides the round trip.
ISOLATED_AT_MOST = 0.0015


@dataclass(frozen=True)
class Row:
    """One figure: how it is called, and how it is shown."""

    name: str
    title: str
    #: One unit of what is shown, in that of the figure.
    unit: float = 1.0
    digits: int = 0
    is_rate: bool = False  # more is better


#: What `--rows` can name, and the rows of each.
ROWS: dict[str, tuple[Row, ...]] = {
    "connect": (
        Row("connect", "connect and first call, ms", 1e-3),
        Row("bootstrap", "bytes until then, kB", 1e3, 1),
    ),
    "memory": (
        Row("memory", "memory (PSS) after 100 calls, MB", 1e6, 1),
        Row("unique", "memory (USS) after 100 calls, MB", 1e6, 1),
    ),
    "package": (
        Row("import", "first import of 20 modules, ms", 1e-3, 1),
        Row("import_bytes", "bytes of that, kB", 1e3, 1),
    ),
    "calls": (
        Row("calls", "calls a second, one by one", is_rate=True),
        Row("p50", "latency, median, ms", 1e-3, 3),
        Row("p95", "latency, 95 %, ms", 1e-3, 3),
        Row("p99", "latency, 99 %, ms", 1e-3, 3),
    ),
    "flight": (Row("flight", "calls a second, 64 in flight", is_rate=True),),
    "transfer": (
        Row("up", "256 MB as arguments, MB/s", is_rate=True),
        Row("down", "256 MB as results, MB/s", is_rate=True),
    ),
}


@dataclass(frozen=True)
class Run:
    """Measurement of one turn: figures by the names of rows; none if it failed."""

    contender: str
    ms: float | None  # None: without ssh
    depth: int
    number: int
    figures: Mapping[str, float]
    failure: str = ""


@dataclass(frozen=True)
class Verdict:
    """A goal at one place: by how much it is met or missed."""

    row: str
    text: str
    peer: str = ""
    #: The session's cost divided by the peer's, or the isolated call's seconds.
    measured: float | None = None


def median(row: Row, contender: str, runs: list[Run]) -> float | None:
    """Return a contender's median over the rounds, if it has a figure in any."""
    values = [each.figures[row.name] for each in of(contender, runs) if row.name in each.figures]
    return statistics.median(values) if values else None


def of(contender: str, runs: list[Run]) -> list[Run]:
    return [each for each in runs if each.contender == contender]


def cost_ratio(row: Row, ours: float, theirs: float) -> float:
    """Return how many times as much ours costs: 1 is the same, less is better, for rates too."""
    return theirs / ours if row.is_rate else ours / theirs


def judge(row: Row, runs: list[Run], leave_out: Collection[str] = ()) -> Verdict:
    """Judge the session against the better peer, at one place.

    That is the peer's form with the best median; the ratio is the median of the rounds' ratios.
    Some forms may be left out.
    """
    if not of(SESSION, runs):
        return Verdict(row.name, NOT_MEASURED)
    if any(each.failure for each in of(SESSION, runs)):
        return Verdict(row.name, FAILED)
    peers = {each.contender for each in runs} - {ISOLATED, SESSION, *leave_out}
    medians = {peer: found for peer in peers if (found := median(row, peer, runs)) is not None}
    if not medians or median(row, SESSION, runs) is None:
        return Verdict(row.name, NOT_MEASURED)
    better = sorted(medians, key=lambda peer: medians[peer], reverse=row.is_rate)[0]
    theirs = {each.number: each.figures.get(row.name) for each in of(better, runs)}
    ratios = [
        cost_ratio(row, each.figures[row.name], other)
        for each in of(SESSION, runs)
        if (other := theirs.get(each.number)) is not None
    ]
    if not ratios:
        return Verdict(row.name, NOT_MEASURED, better)
    measured = statistics.median(ratios)
    return Verdict(row.name, MET if measured <= 1 else MISSED, better, measured)


def judge_isolated(runs: list[Run]) -> Verdict:
    """Judge the median time of an isolated call, less the round trip, at one place."""
    if any(each.failure for each in of(ISOLATED, runs)):
        return Verdict("isolated", FAILED)
    values = [
        each.figures["p50"] - (each.ms or 0) / 1000
        for each in of(ISOLATED, runs)
        if "p50" in each.figures
    ]
    if not values:
        return Verdict("isolated", NOT_MEASURED)
    measured = statistics.median(values)
    return Verdict("isolated", MET if measured < ISOLATED_AT_MOST else MISSED, "", measured)


def table(rows: list[Row], contenders: list[str], runs: list[Run]) -> str:
    """Return the table of one place: a row's medians, and the verdict of its goal."""
    names = [[*contender.split(", "), ""] for contender in contenders]
    tails = ("   session / better peer", "")
    lines = [line("", [name[part] for name in names], tail) for part, tail in enumerate(tails)]
    for row in rows:
        cells = [shown(row, median(row, contender, runs)) for contender in contenders]
        lines.append(line(row.title, cells, f"   {said(row, runs)}"))
    isolated = judge_isolated(runs)
    if isolated.measured is not None:
        took = f"{isolated.measured * 1000:.2f} ms besides the round trip, {isolated.text}"
        lines.append(f"an isolated call under {ISOLATED_AT_MOST * 1000} ms: {took}")
    return "\n".join(lines)


def line(title: str, cells: list[str], tail: str) -> str:
    return (f"{title:33}" + "".join(f"{cell:>14}" for cell in cells) + tail).rstrip()


def said(row: Row, runs: list[Run]) -> str:
    """Return a row's verdict; if execnet's own loop is the better, that beside the calls too."""
    verdict = judge(row, runs)
    if verdict.measured is None:
        return verdict.text
    text = f"{verdict.measured:.2f} {verdict.text} ({verdict.peer}"
    other = judge(row, runs, [OWN_LOOP])
    if verdict.peer == OWN_LOOP and other.measured is not None:
        text += f"; {other.measured:.2f} {other.peer}"
    return f"{text})"


def shown(row: Row, figure: float | None) -> str:
    return "-" if figure is None else f"{figure / row.unit:,.{row.digits}f}"
