"""The same results as in the stock way, whichever Python the target has.

A selection of the parity test's cases, by what is run: modules of every kind, and actions that
need more than one. Each Python that is here and that this ansible-core has modules for is one
target. Asked for by the environment variable ECONTEXT_TEST_TARGETS: `all`, or versions with commas
between them; `make targets` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.process import pythons

from .parity import begun, check
from .parity_cases import CORE, Case, Group, all_cases
from .parity_runs import Runs, Way

#: From which Python on an ansible-core has modules for it, and up to which it says so.
RANGES = {
    (2, 16): ((2, 7), (3, 12)),  # not 3.0 to 3.5, which are never found
    (2, 17): ((3, 7), (3, 12)),
    (2, 18): ((3, 8), (3, 13)),
    (2, 19): ((3, 8), (3, 13)),
    (2, 20): ((3, 9), (3, 14)),
    (2, 21): ((3, 9), (3, 14)),
}

#: In the order in which they are run, and in one run, so no two of them may have one name.
#: The first of all is asynchronous: its files reach the target before its module does.
KINDS = {
    "asynchronous": ("asynchronous/other_modules", "asynchronous/polled"),
    "of ansible-core, and its actions": ("targets/thirty_tasks",),
    "facts": ("facts/setup",),
    "of a collection": ("in_collections/modules",),
    "new style": (
        "modules/encodings",
        "modules/exits",
        "modules/junk",
        "modules/makes_files",
        "modules/own_names",
        "modules/own_new_style",
        "modules/process_state",
        "modules/raises",
        "modules/returns",
        "modules/roles_of_one_name",
        "modules/runs_commands",
        "modules/warns",
    ),
    "new style, with ends of its own": (
        "modules/another_program",
        "modules/closes",
        "modules/killed",
        "modules/late_writers",
        "modules/leaves_at_once",
        "modules/terminated",
    ),
    "new style, under another Python": ("modules/respawns",),
    "arguments in a file": ("modules/old_style", "modules/programs", "modules/want_json"),
    "arguments in the text": ("modules/json_args",),
    "machine code": ("modules/compiled",),
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
ALL = {case.name: case for case in all_cases()}
CASES = [ALL[name] for name in KIND_OF]

ASKED = os.environ.get("ECONTEXT_TEST_TARGETS", "")


def versions() -> list[str]:
    """Of the Pythons to test, as in `3.9`."""
    oldest, newest = RANGES.get(CORE, ((3, 9), (3, 14)))
    names = [f"{one[0]}.{one[1]}" for one in pythons.found() if oldest <= one <= newest]
    return [name for name in names if ASKED == "all" or name in ASKED.split(",")]


OURS = Way("econtext")


def one_group(case: Case) -> Group:
    return Group("targets", (), "")


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    with begun(request, (Way("linear"), OURS), group=one_group) as made:
        yield made


@pytest.mark.skipif(not ASKED, reason="ECONTEXT_TEST_TARGETS asks for Pythons on the target")
@pytest.mark.timeout(600)  # the first one waits for the others
@pytest.mark.parametrize(
    ("case", "kind"), [(c, KIND_OF[c.name]) for c in CASES], ids=[c.name for c in CASES]
)
@pytest.mark.parametrize("by", [f"python{version}" for version in versions()])
def test_results_are_those_of_the_stock_way(
    case: Case, kind: str, by: str, runs: Runs, request: pytest.FixtureRequest
) -> None:
    check(case, by, OURS, runs, request)


def test_the_selected_cases_differ_in_name() -> None:
    assert len({case.path.stem for case in CASES}) == len(CASES)
