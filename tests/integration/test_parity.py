"""The same plays give the same results under stock `linear` and under the strategy under test.

Every task, every key, except for what normalise.py takes out. The plays are in cases/, one
file for each case, and parity_cases.py says what such a file may look like.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from . import transports
from .accounts import Accounts
from .conftest import short_directory
from .normalise import normalise
from .parity_cases import Case, all_cases
from .parity_runs import Pair, Runs, names_of, tasks_of
from .play import Result, TaskResult
from .transports import Transport

CASES = [(case, transport) for case in all_cases() for transport in case.transports]


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, _accounts_or_none: Accounts | None, strategy: str
) -> Iterator[Runs]:
    """The runs of all cases that this session has been asked for, and that can be run here."""
    get = request.getfixturevalue

    @functools.cache
    def reach(name: str) -> Transport | None:
        """The transport of that name; None where there is no way to have it."""
        try:
            if name == "local":
                return transports.local(scratch)
            if name == "ssh":
                return transports.ssh(get("sshd"), get("login"), scratch)
            return getattr(transports, name)(get("sshd"), get("accounts"))  # type: ignore[no-any-return]
        except pytest.skip.Exception:
            return None

    with short_directory() as scratch, temporary_directories(_accounts_or_none):
        made = Runs(scratch, strategy, _accounts_or_none)
        made.start(chosen(request, reach, _accounts_or_none is not None))
        yield made
        made.end()


def chosen(
    request: pytest.FixtureRequest, reach: Callable[[str], Transport | None], root: bool
) -> Iterator[tuple[Case, Transport]]:
    for item in request.session.items:
        parameters = getattr(item, "callspec", None)
        if parameters is None or "case" not in parameters.params:
            continue
        case, transport = parameters.params["case"], reach(parameters.params["by"])
        if transport and (root or "root" not in case.needs) and not case.why_not():
            yield case, transport


@contextlib.contextmanager
def temporary_directories(accounts: Accounts | None) -> Iterator[None]:
    """The accounts' ~/.ansible/tmp: a run that makes it removes it, while others may use it."""
    if accounts is None:
        yield
        return
    both = (accounts.plain, accounts.guarded)
    for account in both:
        for path in (account.home / ".ansible", account.home / ".ansible" / "tmp"):
            path.mkdir(mode=0o700)
            os.chown(path, account.uid, account.gid)
    yield
    for account in both:
        shutil.rmtree(account.home / ".ansible")


@pytest.mark.timeout(600)  # the first one of a group waits for the others
@pytest.mark.parametrize(("case", "by"), CASES, ids=[f"{c.name}-{by}" for c, by in CASES])
def test_results_are_those_of_stock_ansible(
    case: Case, by: str, runs: Runs, request: pytest.FixtureRequest
) -> None:
    if case.why_not():
        pytest.skip(case.why_not())
    for fixture in (by, *(["accounts"] if "root" in case.needs else [])):
        request.getfixturevalue(fixture)  # which skips where it cannot be had
    pair = runs.pair(case, by)

    if case.alone:
        assert ends(pair.ours) == ends(pair.stock)
    else:
        assert_reached(case, pair.stock, "stock")
        assert_reached(case, pair.ours, "ours")
    ours, stock = tasks_of(case, pair.ours), tasks_of(case, pair.stock)
    assert outline(ours) == outline(stock)
    different = [
        difference
        for host, tasks in stock.items()
        for one, other in zip(ours[host], tasks, strict=True)
        for difference in differences(one.task, normalise(one.result), normalise(other.result))
    ]
    assert not different, "\n".join(different)
    if not case.alone:
        assert_went_on(case, pair)


def ends(result: Result) -> dict[str, object]:
    """How a whole run came out; of errors only those that came before any task."""
    errors = "" if result.tasks else result.stderr
    return {"rc": result.rc, "summary": result.summary, "errors": errors}


def assert_reached(case: Case, result: Result, which: str) -> None:
    cases, ran = names_of(result.plays), tasks_of(case, result)
    name = f"{case.name}.yml"
    last = cases[-1] if cases else "none"
    # Where no case was begun, the files could not even be read.
    why = "" if cases else tail(result)
    assert name in cases and ran, f"{which}: not reached; the last one begun is {last}{why}"


def assert_went_on(case: Case, pair: Pair) -> None:
    """The case did not end a run that others share."""
    for which, result in (("stock", pair.stock), ("ours", pair.ours)):
        is_last = names_of(result.plays)[-1] == f"{case.name}.yml"
        ended_here = is_last and (result.rc != 0 or case != pair.last)
        assert not ended_here, f"{which}: the run ended here{tail(result)}"


def tail(result: Result) -> str:
    """How a run ended, in few lines."""
    return f"\nrc={result.rc}\n{result.stdout[-1500:]}\n{result.stderr[-1500:]}"


def outline(tasks: dict[str, list[TaskResult]]) -> dict[str, list[tuple[str, str, str]]]:
    return {
        host: [(t.task, str(normalise(t.item)), t.status) for t in tasks[host]]
        for host in sorted(tasks)
    }


def differences(where: str, ours: object, stock: object) -> list[str]:
    """Each place where the two differ, as a path of keys with both values."""
    if isinstance(ours, dict) and isinstance(stock, dict):
        found = []
        for key in sorted(ours.keys() | stock.keys()):
            missing = "<no such key>"
            found += differences(
                f"{where} / {key}", ours.get(key, missing), stock.get(key, missing)
            )
        return found
    if isinstance(ours, list) and isinstance(stock, list) and len(ours) == len(stock):
        return [
            difference
            for index, (one, other) in enumerate(zip(ours, stock, strict=True))
            for difference in differences(f"{where} / {index}", one, other)
        ]
    if ours == stock or (ours != ours and stock != stock):  # the latter: not a number
        return []
    return [f"{where}:\n    ours:  {str(ours)[:1000]!r}\n    stock: {str(stock)[:1000]!r}"]
