"""The other ways to use this, on a selection of the cases of the parity test.

Other strategies, the connection plugin by its own name, and the plugins that shadow the stock
ones; each against what it stands for.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.scale import more_of_a_kind

from .parity import begun, check
from .parity_cases import Case, Group, all_cases
from .parity_runs import Runs, Way
from .play import CHECKOUT

CONNECTION = {"connection_plugins": str(CHECKOUT / "plugins" / "connection")}
SHADOW = {"connection_plugins": str(CHECKOUT / "plugins" / "shadow")}

#: By the strategy that they stand for: our ways, by name.
WAYS = {
    "linear": {
        "full_name": Way("econtext_linear"),
        "connection": Way("linear", CONNECTION, {"ansible_connection": "econtext"}),
        "shadow": Way("linear", SHADOW),
    },
    "free": {"free": Way("econtext_free")},
    "host_pinned": {"host_pinned": Way("econtext_host_pinned")},
}
STOCK = {name: stock for stock, ours in WAYS.items() for name in ours}

#: The cases share one run, so no two of them may have one name.
#: Those that are true run always: what a strategy orders, and each thing that a connection carries.
SELECTED = {
    "become/flags": True,
    "commands/command": False,
    "commands/script": False,
    "control/handlers": True,
    "control/several_hosts": True,
    "delegation/local_action": False,
    "files/copy": True,
    "files/copy_tree_again": False,
    "files/fetch": False,
    "modules/own_new_style": False,
    "modules/want_json": True,
}

CASES = [
    pytest.param(case, id=case.name, marks=[] if SELECTED[case.name] else more_of_a_kind)
    for case in all_cases()
    if case.name in SELECTED
]


def one_group(case: Case) -> Group:
    return Group("selected", (), "")


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, ours: None) -> Iterator[dict[str, Runs]]:
    """The runs by the strategy that they are to be compared with."""
    with contextlib.ExitStack() as stack:
        made = {}
        for stock, some in WAYS.items():
            wanted = functools.partial(is_for, stock)
            ways = (Way(stock), *some.values())
            begin = begun(request, ways, group=one_group, wanted=wanted)
            made[stock] = stack.enter_context(begin)
        yield made


def is_for(stock: str, parameters: dict[str, Any]) -> bool:
    return STOCK[parameters["way"]] == stock


@pytest.mark.timeout(1500)  # the first one waits for the others
@pytest.mark.parametrize("by", ["ssh"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", STOCK)
def test_results_are_those_of_the_stock_way(
    way: str, case: Case, by: str, runs: dict[str, Runs], request: pytest.FixtureRequest
) -> None:
    stock = STOCK[way]
    check(case, by, WAYS[stock][way], runs[stock], request)
