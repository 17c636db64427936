"""The results of rows, kept from one measuring to the next: one file for a row and an ansible-core.

A row that is measured again replaces what was kept of it.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.rounds import Run

DIRECTORY = Path(__file__).parent / "results" / "table"


@dataclass
class Kept:
    """The runs of one row with one ansible-core, and what they were measured with and when."""

    name: str
    #: The minor release, `2.19`.
    core: str
    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    runs: list[Run] = field(default_factory=list)


def write(kept: Kept, directory: Path = DIRECTORY) -> Path:
    """Write a row's results, whole or not at all."""
    path = directory / kept.core / f"{kept.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(kept), indent=1) + "\n")
    os.replace(part, path)
    return path


def read(directory: Path = DIRECTORY) -> dict[str, dict[str, Kept]]:
    """All that is kept: by ansible-core, oldest first, and in that by the row's name."""
    found: dict[str, dict[str, Kept]] = {}
    for path in sorted(directory.glob("*/*.json"), key=by_core):
        kept = parse(path.read_text())
        found.setdefault(kept.core, {})[kept.name] = kept
    return found


def by_core(path: Path) -> tuple[list[int], str]:
    return [int(part) for part in path.parent.name.split(".")], path.name


def parse(text: str) -> Kept:
    """A file's text as what it was written from."""
    document = json.loads(text)
    document["runs"] = [Run(**run) for run in document["runs"]]
    return Kept(**document)
