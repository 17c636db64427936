"""The figures of real plays: medians, and ratios within the same round."""

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench.roles.runs import Run

Key = tuple[str, int, float, str]


def cells(runs: list[Run]) -> dict[Key, dict[str, list[Run]]]:
    """The counted runs of each cell, by contender."""
    found: dict[Key, dict[str, list[Run]]] = {}
    for run in runs:
        if run.number and not run.failure:
            key = (run.play, run.hosts, run.round_trip, run.turn)
            found.setdefault(key, {}).setdefault(run.contender, []).append(run)
    return found


def ratio(own: list[Run], peers: list[Run], figure: Callable[[Run], float]) -> float | None:
    """Return the median of the ratios within a round; None where no round has both."""
    of_peers = {run.number: figure(run) for run in peers}
    ratios = [figure(run) / of_peers[run.number] for run in own if of_peers.get(run.number, 0) > 0]
    return statistics.median(ratios) if ratios else None


def wall(run: Run) -> float:
    return run.wall


def cpu(run: Run) -> float:
    return run.cpu


def both_cpu(run: Run) -> float:
    return run.cpu + run.target_cpu


FIGURES = (wall, cpu, both_cpu)


def table(runs: list[Run], names: list[str], peers: list[str]) -> str:
    """A table in Markdown: a row for each cell and contender."""
    titles = ["play", "hosts", "rtt", "run", "contender", "runs", "wall s", "cpu s"]
    titles += [f"wall / {peer}" for peer in peers] + [f"cpu / {peer}" for peer in peers]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for (play, hosts, round_trip, turn), contenders in cells(runs).items():
        for name in names:
            if name not in contenders:
                continue
            own = contenders[name]
            row = [play, str(hosts), f"{round_trip:g}", turn, name, str(len(own))]
            row += [f"{statistics.median(map(figure, own)):.2f}" for figure in (wall, cpu)]
            for figure in (wall, cpu):
                row += [number(ratio(own, contenders.get(peer, []), figure)) for peer in peers]
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def weights(runs: list[Run], names: list[str], plain: str) -> str:
    """A table in Markdown: what turning something off costs, in each cell and over all."""
    found: dict[Key, list[Run]] = {}
    for run in runs:
        if run.number and not run.failure:
            found.setdefault((run.play, run.hosts, run.round_trip, run.turn), []).append(run)
    titles = ["variant", "runs", "wall, off / on", "cpu, off / on", "both sides' cpu, off / on"]
    titles += [f"{play}, {hosts} hosts, {rtt:g} ms" for play, hosts, rtt, _ in found]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for name in names:
        of_cells = [weighed(of_one, name, plain) for of_one in found.values()]
        known = [pair for pair in of_cells if pair]
        if not known or name == plain:
            continue
        own = sum(run.contender == name for of_one in found.values() for run in of_one)
        columns = zip(*known, strict=True)
        row = [name, str(own)] + [number(statistics.geometric_mean(each)) for each in columns]
        row += [", ".join(map(number, pair)) if pair else "-" for pair in of_cells]
        lines.append("| " + " | ".join(row) + " |")
    of_plain = [
        f"{key[0]} {statistics.median(run.wall for run in of_one if run.contender == plain):.2f} s"
        for key, of_one in found.items()
        if any(run.contender == plain for run in of_one)
    ]
    return "\n".join([*lines, "", f"{plain}: {', '.join(of_plain)}"])


def weighed(runs: list[Run], name: str, plain: str) -> list[float]:
    """Return the medians of wall and processor time, against the plain runs next to each run."""
    ratios = []
    for index, run in enumerate(runs):
        if run.contender != name:
            continue
        before = [each for each in runs[:index] if each.contender == plain][-1:]
        after = [each for each in runs[index:] if each.contender == plain][:1]
        if near := before + after:
            ratios.append([figure(run) / statistics.mean(map(figure, near)) for figure in FIGURES])
    return [statistics.median(column) for column in zip(*ratios, strict=True)]


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def progress(run: Run) -> str:
    """One line about a run that is done."""
    head = f"round {run.number}, {run.play}, {run.hosts} hosts, {run.round_trip:g} ms, {run.turn}"
    if run.failure:
        lines = "".join(f"\n    | {line}" for line in run.last_lines)
        return f"FAILED: {head}, {run.contender}: {run.failure}{lines}"
    seconds = f"{run.wall:.2f} s, cpu {run.cpu:.2f} + {run.target_cpu:.2f} s"
    text = f"{head}, {run.contender}: {seconds}, load {run.load:.1f}"
    return text + "".join(f"\n    differs: {line}" for line in run.differences)


def write(directory: Path, facts: dict, runs: list[Run], text: str) -> Path:
    """Keep all that was measured: results.json for programs, tables.md for people."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "results.json"
    document = {"facts": facts, "runs": [asdict(run) for run in runs]}
    path.write_text(json.dumps(document, indent=1) + "\n")
    (directory / "tables.md").write_text(text + "\n")
    return path
