"""Show the findings of a soak: verdicts as text, and the pictures of docs/soak.rst."""

import json
from pathlib import Path

from bench.contenders import CHECKOUT
from bench.soak import growth, picture
from bench.soak.sampler import GROUPS

TITLES = {
    "memory": "memory, MB",
    "files": "open files",
    "processes": "processes",
    "threads": "threads",
}


def points_of(looks: list[dict], group: str, name: str) -> list[tuple[float, float]]:
    """Return (tasks, value) of each look at which the group had processes."""
    return [(look["done"], look[group][name]) for look in looks if look[group]["processes"]]


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def verdicts(looks: list[dict]) -> list[list[str]]:
    """Return a row for each group and property: first, last, gained by 1,000 tasks, flat or not."""
    rows = []
    for group in GROUPS:
        for name, bound in growth.BOUNDS.items():
            points = growth.last_two_thirds(points_of(looks, group, name))
            gained = growth.slope(points)
            if gained is None:
                continue
            unit, digits = (1e6, 3) if name == "memory" else (1, 2)
            shown = growth.thinned(points, 12)
            rows.append(
                [
                    f"{group}: {TITLES[name]}",
                    f"{shown[0][1] / unit:.{digits - 2}f}",
                    f"{shown[-1][1] / unit:.{digits - 2}f}",
                    f"{gained / unit:+.{digits}f}",
                    f"{bound / unit:.1f}",
                    "flat" if gained <= bound else "not flat",
                ]
            )
    return rows


HEAD = ["", "at a third", "at the end", "by 1,000 tasks", "bound", "verdict"]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return rows as a simple table of reStructuredText."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [[cell or "\\" for cell in head], *rows]
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def show(path: Path) -> None:
    """Print what was found, and the verdicts."""
    print(path.with_suffix(".json").read_text())
    print(table(HEAD, verdicts(read(path))))


def draw_all(directory: Path) -> None:
    """Draw the picture of each part, and print what was found."""
    for path in sorted(directory.glob("*.jsonl")):
        if not path.with_suffix(".json").exists():
            continue
        looks = read(path)
        panels = {
            title: {group: scaled(points_of(looks, group, name), name) for group in GROUPS}
            for name, title in TITLES.items()
        }
        (CHECKOUT / "docs" / f"soak-{path.stem}.svg").write_text(
            picture.svg(panels, "executions on the target")
        )
        print(f"\n{path.stem}\n")
        show(path)


def scaled(points: growth.Points, name: str) -> list[tuple[float, float]]:
    return [(x, y / 1e6 if name == "memory" else y) for x, y in points]
