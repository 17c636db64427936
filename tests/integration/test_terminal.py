"""With `econtext_terminal` modules have what stock Ansible without pipelining gives them.

The same cases run without it in the parity test, where both ways have pipelining.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .parity import begun, check
from .parity_cases import Case, all_cases
from .parity_runs import Runs, Way
from .test_parity import by_transports

CASES = [each for case in all_cases() if case.area == "terminal" for each in by_transports(case)]


@pytest.fixture(scope="module")
def way(strategy: str, ours: None) -> Way:
    return Way(strategy, variables={"econtext_terminal": True})


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, way: Way) -> Iterator[Runs]:
    stock = Way("linear", variables={"ansible_pipelining": False})
    with begun(request, (stock, way)) as made:
        yield made


@pytest.mark.timeout(1500)  # the first one of a group waits for the others
@pytest.mark.parametrize(("case", "by"), CASES)
def test_terminals_are_those_of_stock_ansible(
    case: Case, by: str, way: Way, runs: Runs, request: pytest.FixtureRequest
) -> None:
    check(case, by, way, runs, request)
