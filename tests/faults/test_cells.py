"""Each cell of the table: the right class, in time, nothing left, and nothing executed twice."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from tests.support.scale import more_of_a_kind

from .engine import performed
from .hosts import Hosts
from .table import CELLS, SOME, Cell


def parameters() -> list[Any]:
    found = []
    for cell in CELLS:
        marks = [] if cell.name in SOME else [more_of_a_kind]
        if cell.red:
            marks.append(pytest.mark.xfail(reason=cell.red))
        found.append(pytest.param(cell, id=cell.name, marks=marks))
    return found


@pytest.mark.parametrize("cell", parameters())
def test_cell(cell: Cell, hosts: Hosts, scratch: pathlib.Path) -> None:
    with performed(cell, hosts, scratch) as played:
        wrong = played.wrong()
        assert not wrong, "\n".join([*wrong, str(played.result)])
