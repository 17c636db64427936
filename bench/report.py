"""The figures of a benchmark: medians and ratios, as tables to read and as a file to keep."""

import json
import statistics
from dataclasses import asdict
from pathlib import Path

from bench.rounds import Run


def figures(runs: list[Run]) -> dict:
    """What the runs of one contender, play and round-trip time come to."""
    good = [run for run in runs if not run.failure]
    result: dict = {"runs": len(runs), "failed": len(runs) - len(good)}
    if good:
        walls = [run.wall for run in good]
        result |= {
            "median": statistics.median(walls),
            "min": min(walls),
            "max": max(walls),
            "cpu": statistics.median(run.cpu for run in good),
            "sent": statistics.median(run.sent for run in good),
            "received": statistics.median(run.received for run in good),
            "connections": statistics.median(run.connections for run in good),
        }
    return result


def summaries(runs: list[Run]) -> list[dict]:
    """One entry for each play and round-trip time, with the figures of every contender.

    `times_as_fast` holds for each peer how many times as fast as that peer a contender was.
    """
    found: dict[tuple, dict[str, list[Run]]] = {}
    for run in runs:
        contenders = found.setdefault((run.play, run.round_trip), {})
        contenders.setdefault(run.contender, []).append(run)
    result = []
    for (play, round_trip), contenders in found.items():
        entries = {name: figures(of_one) for name, of_one in contenders.items()}
        for name, entry in entries.items():
            entry["times_as_fast"] = {
                peer: other["median"] / entry["median"]
                for peer, other in entries.items()
                if peer != name and "median" in entry and "median" in other
            }
        result.append({"play": play, "rtt": round_trip, "contenders": entries})
    return result


def table(summary: dict, about: str, names: list[str]) -> str:
    """The table of one play at one round-trip time."""
    names = [name for name in names if name in summary["contenders"]]
    heading = f"{summary['play']} ({about}), round trip {summary['rtt']:g} ms"
    titles = ["contender", "runs", "median s", "min s", "max s", "cpu s", "sent kB", "received kB"]
    rows = [titles + [f"vs {name}" for name in names]]
    for name in names:
        entry = summary["contenders"][name]
        good = entry["runs"] - entry["failed"]
        row = [name, f"{good}/{entry['runs']}"]
        if "median" in entry:
            row += [f"{entry[key]:.2f}" for key in ("median", "min", "max", "cpu")]
            row += [f"{entry[key] / 1000:.1f}" for key in ("sent", "received")]
        else:
            row += ["failed"] + ["-"] * 5
        ratios = entry["times_as_fast"]
        row += [f"{ratios[peer]:.2f}x" if peer in ratios else "-" for peer in names]
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [heading]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells))
    return "\n".join(lines)


def failures(runs: list[Run]) -> str:
    """The runs that failed, with the last that they said."""
    lines = []
    for run in runs:
        if run.failure:
            lines.append(failure_line(run))
            lines += [f"    | {line}" for line in run.last_lines]
    return "\n".join(lines)


def failure_line(run: Run) -> str:
    """Which run failed, and why."""
    return (
        f"FAILED: {run.contender}, {run.play}, {run.round_trip:g} ms, round {run.number}: "
        f"{run.failure}"
    )


def write(directory: Path, facts: dict, runs: list[Run], text: str) -> Path:
    """Keep all that was measured: results.json for programs, tables.txt for people."""
    directory.mkdir(parents=True)
    path = directory / "results.json"
    document = {
        "facts": facts,
        "summaries": summaries(runs),
        "runs": [asdict(run) for run in runs],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    (directory / "tables.txt").write_text(text + "\n")
    return path
