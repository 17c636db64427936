"""Corpus: for each property the inputs that reach lines which no others do, and what it found."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

DIRECTORY = pathlib.Path(__file__).parent / "corpus"


def _file(name: str) -> pathlib.Path:
    return DIRECTORY / f"{name}.txt"


def read(name: str) -> list[bytes]:
    """Return the inputs of a property, which are lines of hexadecimal digits."""
    path = _file(name)
    lines = path.read_text(encoding="ascii").split() if path.exists() else []
    return [bytes.fromhex(line) for line in lines]


def write(name: str, inputs: Iterable[bytes]) -> None:
    """Keep these inputs, and no others."""
    lines = sorted({data.hex() for data in inputs if data}, key=lambda line: (len(line), line))
    _file(name).write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
