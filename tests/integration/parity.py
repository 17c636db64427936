"""What the parity tests have in common: how the runs begin, and how two of them are compared."""

from __future__ import annotations

import contextlib
import difflib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from . import transports
from .conftest import short_directory
from .normalise import normalise
from .parity_cases import Case, Group, group_of
from .parity_runs import Pair, Runs, Way, names_of, said_of, tasks_of
from .play import Result, TaskResult
from .results import target_python
from .transports import Transport
from .warned import warned


@contextlib.contextmanager
def begun(
    request: pytest.FixtureRequest,
    ways: Sequence[Way],
    *,
    group: Callable[[Case], Group] = group_of,
    wanted: Callable[[dict[str, Any]], bool] = lambda parameters: True,
) -> Iterator[Runs]:
    """The runs of all cases that this session is to test, of tests with the wanted parameters."""
    get = request.getfixturevalue
    made_accounts = get("_accounts_or_none")
    get("temporary_directories")

    @functools.cache
    def reach(name: str) -> Transport | None:
        """The transport of that name; None where there is no way to have it."""
        try:
            return transports.by_name(name, get, scratch)
        except pytest.skip.Exception:
            return None

    def chosen() -> Iterator[tuple[Case, Transport]]:
        for item in request.session.items:
            given = item.callspec.params if hasattr(item, "callspec") else {}
            if item.path != request.path or "case" not in given or not wanted(given):
                continue
            if given["case"].why_not():
                continue
            transport = reach(given["by"])
            if transport and (made_accounts or "root" not in given["case"].needs):
                yield given["case"], transport

    with short_directory() as scratch:
        made = Runs(scratch, ways, made_accounts, group)
        made.start(chosen())
        yield made
        made.end()


def check(case: Case, by: str, way: Way, runs: Runs, request: pytest.FixtureRequest) -> None:
    """Compare both results as soon as they are there; skips where the case cannot be run."""
    if case.why_not():
        pytest.skip(case.why_not())
    by_fixture = "sshd" if by.startswith("python") else by
    for fixture in (by_fixture, *(["accounts"] if "root" in case.needs else [])):
        request.getfixturevalue(fixture)  # which skips where it cannot be had
    pair = runs.pair(case, by, way)
    request.node.user_properties.append(("target_python", target_python(pair)))
    try:
        assert_parity(case, pair)
    except AssertionError:
        if not runs.renewed(case, by):
            raise
        assert_parity(case, runs.pair(case, by, way))


def assert_parity(case: Case, pair: Pair) -> None:
    """Every task of the case, every key, except for what normalise.py takes out."""
    if case.alone:
        assert ends(pair.ours) == ends(pair.stock)
    else:
        assert_reached(case, pair.stock, "stock")
        assert_reached(case, pair.ours, "ours")
    ours, stock = tasks_of(case, pair.ours), tasks_of(case, pair.stock)
    found = difflib.unified_diff(outline(stock), outline(ours), "stock", "ours", lineterm="", n=1)
    apart = "\n".join(found)
    assert not apart, f"{apart}\n{last_failure(ours)}"
    different = [
        difference
        for host, tasks in stock.items()
        for one, other in zip(ours[host], tasks, strict=True)
        for difference in differences(one.task, normalise(one.result), normalise(other.result))
    ]
    assert not different, "\n".join(different)
    assert_warned(case, pair)
    if not case.alone:
        assert_went_on(case, pair)


def assert_warned(case: Case, pair: Pair) -> None:
    """The users are told the same, on standard error."""
    ours, stock = (warned("".join(said_of(case, result))) for result in (pair.ours, pair.stock))
    found = difflib.unified_diff(stock, ours, "stock", "ours", lineterm="", n=0)
    assert ours == stock, "\n".join(found)


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


def outline(tasks: dict[str, list[TaskResult]]) -> list[str]:
    """A line for each result."""
    return [
        f"{host}: {task.task}: {normalise(task.item)}: {task.status}"
        for host in sorted(tasks)
        for task in tasks[host]
    ]


def last_failure(tasks: dict[str, list[TaskResult]]) -> str:
    failed = [task for some in tasks.values() for task in some if task.status == "failed"]
    return f"the last that failed: {failed[-1].task}: {failed[-1].result}" if failed else ""


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
