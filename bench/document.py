"""The table, as text for a terminal and as a part of docs/benchmark.rst: no measuring, no files."""

import statistics

from bench import verdicts
from bench.kept import Kept
from bench.rows import CURVES, ON_THE_PLOT, ROUNDS_ASKED, ROWS, TITLES, Row, Side
from bench.verdicts import Verdict

BEGIN = ".. Made by bench/run --report from here"
END = ".. to here"

Results = dict[str, dict[str, Kept]]

#: How the figures of a run are written: a factor, a format and a unit.
UNITS = {
    "sent": (1e-3, "{:.1f} KB"),
    "memory": (1e-6, "{:.1f} MB"),
    "memory_proportional": (1e-6, "{:.1f} MB"),
}


def verdict_of(row: Row, kept: dict[str, Kept]) -> Verdict:
    name = row.runs_of or row.name
    return verdicts.judge(row, kept[name].runs if name in kept else [])


def number(value: float, row: Row) -> str:
    """A measured or asked value, in the row's unit."""
    text = f"{value:.1f}" if row.unit == "KB" else f"{value:.2f}"
    return f"{text} {row.unit}".strip()


def figure(value: float | None, name: str) -> str:
    if value is None:
        return ""
    factor, form = UNITS.get(name, (1, "{:.2f} s"))
    return form.format(value * factor)


def terminal(kept: dict[str, Kept], rows: list[Row]) -> str:
    """The table of one ansible-core, for a terminal."""
    lines = [["work", "against", "asked", "measured", "least", "most", "rounds", "verdict"]]
    for row in rows:
        verdict = verdict_of(row, kept)
        measured = [
            "" if value is None else number(value, row)
            for value in (verdict.measured, verdict.least, verdict.most)
        ]
        lines.append(
            [row.work, row.against, number(row.at_most, row)]
            + [*measured, str(verdict.rounds), verdict.text]
        )
    return simple_table(lines, rulers=False)


def cell(verdict: Verdict) -> str:
    """What the document says of a row with one ansible-core."""
    if verdict.measured is None:
        return verdict.text
    text = f"{number(verdict.measured, verdict.row)} {verdict.text}"
    if verdict.rounds < ROUNDS_ASKED:
        text += f" ({verdict.rounds} of {ROUNDS_ASKED} rounds)"
    return f"**{text}**" if verdict.text == verdicts.MISSED else text


def asked(results: Results) -> str:
    """The table of what is asked, with a verdict for each ansible-core."""
    lines = [["work", "against", "at most", *(f"core {core}" for core in results)]]
    for row in ROWS:
        cells = [cell(verdict_of(row, kept)) for kept in results.values()]
        lines.append([row.work, row.against, number(row.at_most, row), *cells])
    return simple_table(lines)


def medians(results: Results) -> str:
    """The table of the figures that the verdicts come from."""
    lines = [["work", "core", "econtext", "peer", "of the rounds", "rounds", "load", "date"]]
    for row in ROWS:
        for core, kept in results.items():
            if (row.runs_of or row.name) in kept:
                lines.append(details(row, core, kept))
    return simple_table(lines)


def details(row: Row, core: str, kept: dict[str, Kept]) -> list[str]:
    verdict = verdict_of(row, kept)
    spread = ""
    if verdict.least is not None and verdict.most is not None:
        spread = f"{number(verdict.least, row)} to {number(verdict.most, row)}"
    peer = figure(verdict.theirs, row.peer.figure) if row.peer else ""
    if row.peer and peer:
        peer += f" ({TITLES[row.peer.contender]})"
    measured = kept[row.runs_of or row.name]
    load = f"{max((run.load for run in measured.runs), default=0.0):.1f}"
    ours = figure(verdict.ours, row.ours.figure)
    return [row.work, core, ours, peer, spread, str(verdict.rounds), load, measured.date[:10]]


def label(side: Side) -> str:
    """What one side is called on the plot."""
    if side.contender != "econtext":
        return TITLES[side.contender]
    return "econtext, warm" if side.warm else "econtext, cold"


def curves(kept: dict[str, Kept]) -> dict[str, list[tuple[float, float]]]:
    """For each strategy the points of its curve: round-trip time in ms, median seconds."""
    found: dict[str, list[tuple[float, float]]] = {}
    for side in ON_THE_PLOT:
        for curve in CURVES:
            runs = kept[curve.name].runs if curve.name in kept else []
            if seconds := list(verdicts.good(runs, side).values()):
                point = (curve.round_trip, statistics.median(seconds))
                found.setdefault(label(side), []).append(point)
    return found


def points(results: Results) -> str:
    """The plot's values as a table."""
    lines = [["strategy", "core", *(f"{curve.round_trip:g} ms" for curve in CURVES)]]
    for core, kept in results.items():
        for name, of_one in curves(kept).items():
            values = {round_trip: f"{seconds:.2f} s" for round_trip, seconds in of_one}
            lines.append([name, core, *(values.get(curve.round_trip, "") for curve in CURVES)])
    return simple_table(lines)


def rounds(results: Results) -> int:
    """The least number of rounds of a point of the plot."""
    counts = [
        len(verdicts.good(kept[curve.name].runs, side))
        for kept in results.values()
        for curve in CURVES
        for side in ON_THE_PLOT
        if curve.name in kept
    ]
    return min(filter(None, counts), default=0)


def machines(results: Results) -> str:
    """The machines and versions, each once, with the rows that were measured with them."""
    found: dict[str, list[str]] = {}
    for core, of_core in results.items():
        for name, kept in of_core.items():
            facts = [*kept.machine.items(), *kept.versions.items()]
            text = "; ".join(f"{key} {value}" for key, value in facts if value)
            found.setdefault(text, []).append(f"{name} ({core})")
    if len(found) == 1:
        return f"* {next(iter(found))}\n"
    return "".join(f"* {text}: {', '.join(names)}\n" for text, names in found.items())


def generated(results: Results, plot: str) -> str:
    """The part of docs/benchmark.rst that is made; `plot` is the picture's path from there."""
    parts = [asked(results)]
    if any(map(curves, results.values())):
        parts += [
            title("Wall time over round-trip time"),
            f".. image:: {plot}\n   :alt: Wall time of 50 pings over the round-trip time\n",
            f"50 pings, the whole process; medians of rounds: {rounds(results)} or more.\n",
            points(results),
        ]
    parts += [
        title("The figures behind the verdicts"),
        medians(results),
        title("The machine"),
        machines(results),
    ]
    return "\n".join(parts)


def title(text: str) -> str:
    return f"{text}\n{'-' * len(text)}\n"


def replaced(document: str, text: str) -> str:
    """The document with another generated part; what was written by hand stays.

    Raises ValueError where a marker is missing.
    """
    head, _, rest = document.partition(f"{BEGIN}\n")
    _, end, tail = rest.partition(f"{END}\n")
    if not end:
        raise ValueError(f"the document has no lines {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n\n{text.strip()}\n\n{END}\n{tail}"


def simple_table(lines: list[list[str]], rulers: bool = True) -> str:
    """Cells as columns, with the rulers of a simple table of reStructuredText or without."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    if rulers:
        ruler = "  ".join("=" * width for width in widths)
        text = [ruler, text[0], ruler, *text[1:], ruler]
    return "\n".join(text) + "\n"
