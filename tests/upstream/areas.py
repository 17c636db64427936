"""Reads areas.txt: which targets there are for what."""

from __future__ import annotations

import pathlib

_LIST = pathlib.Path(__file__).with_name("areas.txt")


def read() -> dict[str, list[str]]:
    """The targets of each area.  A line is `area: target ...`, or goes on with more targets."""
    found: dict[str, list[str]] = {}
    area: list[str] = []
    for line in _LIST.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words and words[0].endswith(":"):
            area = found.setdefault(words.pop(0)[:-1], [])
        area += words
    return found


def targets(names: list[str]) -> list[str]:
    """The targets of the areas named, of all where none is."""
    known = read()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no area {', '.join(unknown)}; there are: {', '.join(known)}")
    return [target for name in names or known for target in known[name]]
