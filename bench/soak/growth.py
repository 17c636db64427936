"""From looks at processes to a verdict: how much grows by 1,000 tasks, and is that flat?"""

import statistics
from collections.abc import Sequence
from itertools import combinations

#: (tasks done, value) of each look.
Points = Sequence[tuple[float, float]]

#: At most so many points make a line of a picture, and a slope.
POINTS = 300

#: What may be gained by 1,000 tasks: in bytes of memory, and in numbers of the rest.
BOUNDS = {"memory": 100_000.0, "files": 0.2, "processes": 0.2, "threads": 0.2}


def thinned(points: Points, most: int = POINTS) -> list[tuple[float, float]]:
    """Return at most `most` points: the medians of neighbours."""
    ordered = sorted(points)
    size = -(-len(ordered) // most) or 1
    groups = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    return [
        (statistics.median(x for x, _ in group), statistics.median(y for _, y in group))
        for group in groups
    ]


def last_two_thirds(points: Points) -> list[tuple[float, float]]:
    """Return the points behind the first third of the tasks: what is there to be warm is warm."""
    if not points:
        return []
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    return [(x, y) for x, y in points if x >= first + (last - first) / 3]


def slope(points: Points) -> float | None:
    """Return the median of the slopes between all pairs of points, for 1,000 tasks.

    A few looks that fall into an odd moment do not count in it, as they would in a line of least
    squares.  None if there are fewer than three points with tasks between them.
    """
    pairs = combinations(thinned(points), 2)
    found = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairs
             if after[0] > before[0]]  # fmt: skip
    return 1000 * statistics.median(found) if len(found) >= 3 else None


def is_flat(points: Points, bound: float) -> bool | None:
    """Tell whether the last two thirds gain less than `bound` by 1,000 tasks; None if unknown."""
    gained = slope(last_two_thirds(points))
    return None if gained is None else gained <= bound
