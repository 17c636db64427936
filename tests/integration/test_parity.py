"""The same plays give the same results under stock `linear` and under the strategy under test.

Every task, every key, except for what normalise.py takes out. The plays are in cases/, one
file for each case, and parity_cases.py says what such a file may look like.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.scale import a_part, more_of_a_kind

from .parity import begun, check
from .parity_cases import Case, all_cases
from .parity_runs import Runs, Way


def by_transports(case: Case) -> Iterator[Any]:
    """The parameters of a test of this case."""
    for some, marks in ((case.transports, []), (case.more_transports, [more_of_a_kind])):
        for by in some:
            yield pytest.param(case, by, id=f"{case.name}-{by}", marks=marks)


CASES = a_part([each for case in all_cases() for each in by_transports(case)])


@pytest.fixture(scope="module")
def way(strategy: str) -> Way:
    return Way(strategy)


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, way: Way) -> Iterator[Runs]:
    with begun(request, (Way("linear"), way)) as made:
        yield made


@pytest.mark.timeout(1500)  # the first one of a group waits for the others
@pytest.mark.parametrize(("case", "by"), CASES)
def test_results_are_those_of_stock_ansible(
    case: Case, by: str, way: Way, runs: Runs, request: pytest.FixtureRequest
) -> None:
    check(case, by, way, runs, request)
