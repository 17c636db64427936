"""The other ways to use this, on a selection of the cases of the parity test.

Other strategies, the connection plugin by its own name, and the plugins that shadow the stock
ones; each against what it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .parity import assert_parity, begun, pair_of
from .parity_cases import Case, Group, all_cases
from .parity_runs import Runs, Way
from .play import CHECKOUT
from .results import target_python

CONNECTION = {"connection_plugins": str(CHECKOUT / "plugins" / "connection")}
SHADOW = {"connection_plugins": str(CHECKOUT / "plugins" / "shadow")}

#: By name: the stock way, and ours.
WAYS = {
    "free": (Way("free"), Way("econtext_free")),
    "host_pinned": (Way("host_pinned"), Way("econtext_host_pinned")),
    "full_name": (Way("linear"), Way("econtext_linear")),
    "connection": (Way("linear"), Way("linear", CONNECTION, {"ansible_connection": "econtext"})),
    "shadow": (Way("linear"), Way("linear", SHADOW)),
}

#: The cases share one run, so no two of them may have one name.
SELECTED = {
    "asynchronous/polled",
    "become/users",
    "commands/command",
    "commands/environment_of_task",
    "commands/raw",
    "commands/script",
    "control/handlers",
    "control/loops",
    "control/several_hosts",
    "delegation/localhost",
    "delegation/same_host",
    "facts/gathered",
    "files/copy",
    "files/copy_directory",
    "files/fetch",
    "files/template",
    "modules/extensions",
    "modules/makes_files",
    "modules/own_action",
    "modules/own_new_style",
    "modules/process_state",
    "modules/raises",
    "modules/want_json",
}

BY = {"become/users": "sudo_password"}
CASES = [(case, BY.get(case.name, "ssh")) for case in all_cases() if case.name in SELECTED]


def one_group(case: Case) -> Group:
    return Group("selected", (), "")


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, way: str, ours: None) -> Iterator[Runs]:
    stock, own = WAYS[way]
    with begun(request, stock, own, group=one_group, way=way) as made:
        yield made


@pytest.mark.timeout(300)  # the first one waits for the others
@pytest.mark.parametrize(("case", "by"), CASES, ids=[f"{c.name}-{by}" for c, by in CASES])
def test_results_are_those_of_the_stock_way(
    case: Case, by: str, way: str, runs: Runs, request: pytest.FixtureRequest
) -> None:
    pair = pair_of(case, by, runs, request)
    request.node.user_properties.append(("target_python", target_python(pair)))
    assert_parity(case, pair)
