"""The other ways to use this, on a selection of the cases of the parity test.

Other strategies, the connection plugin by its own name, and the plugins that shadow the stock
ones; each against what it stands for.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.scale import more_of_a_kind

from .parity import begun, check
from .parity_cases import Case, Group, all_cases
from .parity_runs import Runs, Way
from .play import CHECKOUT

#: A kind of ways, and the strategy of ansible-core that they stand for.
Stock = tuple[str, str]

CONNECTION = {"connection_plugins": str(CHECKOUT / "plugins" / "connection")}
SHADOW = {"connection_plugins": str(CHECKOUT / "plugins" / "shadow")}

#: By what they are, and the strategy that they stand for: our ways, by name.
WAYS: dict[Stock, dict[str, Way]] = {
    ("connections", "linear"): {
        "connection": Way("linear", CONNECTION, {"ansible_connection": "econtext"}),
        "shadow": Way("linear", SHADOW),
        # Under the strategy, which finds that plugin by itself.
        "named": Way("econtext", {}, {"ansible_connection": "econtext"}),
    },
    ("strategies", "linear"): {"full_name": Way("econtext_linear")},
    ("strategies", "free"): {"free": Way("econtext_free")},
    ("strategies", "host_pinned"): {"host_pinned": Way("econtext_host_pinned")},
}
STANDS_FOR = {name: stock for stock, ours in WAYS.items() for name in ours}

#: The cases share one run, so no two of them may have one name.
#: Of which ways they are tested always: what a strategy orders, and what a connection carries.
SELECTED = {
    "become/flags": "connections",
    "commands/command": "",
    "commands/script": "",
    "control/handlers": "strategies",
    "control/several_hosts": "strategies",
    "delegation/local_action": "",
    "files/copy": "connections",
    "files/copy_tree_again": "",
    "files/fetch": "",
    "modules/own_new_style": "",
    "modules/want_json": "connections",
}


def all_ways() -> Iterator[Any]:
    """The parameters of a test: each way with each of the cases."""
    for (kind, _), ours in WAYS.items():
        for way, case in itertools.product(ours, all_cases()):
            if case.name in SELECTED:
                marks = [] if SELECTED[case.name] == kind else more_of_a_kind
                yield pytest.param(way, case, id=f"{way}-{case.name}", marks=marks)


def one_group(case: Case) -> Group:
    return Group("selected", (), "")


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, ours: None) -> Iterator[dict[Stock, Runs]]:
    """The runs by the strategy that they are to be compared with."""
    with contextlib.ExitStack() as stack:
        made = {}
        for stock, some in WAYS.items():
            wanted = functools.partial(is_for, stock)
            ways = (Way(stock[1]), *some.values())
            begin = begun(request, ways, group=one_group, wanted=wanted)
            made[stock] = stack.enter_context(begin)
        yield made


def is_for(stock: Stock, parameters: dict[str, Any]) -> bool:
    return STANDS_FOR[parameters["way"]] == stock


@pytest.mark.timeout(1500)  # the first one waits for the others
@pytest.mark.parametrize("by", ["ssh"])
@pytest.mark.parametrize(("way", "case"), list(all_ways()))
def test_results_are_those_of_the_stock_way(
    way: str, case: Case, by: str, runs: dict[Stock, Runs], request: pytest.FixtureRequest
) -> None:
    stock = STANDS_FOR[way]
    check(case, by, WAYS[stock][way], runs[stock], request)
