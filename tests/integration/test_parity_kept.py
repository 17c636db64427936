"""A kept result of stock Ansible comes back with the names of another session."""

from __future__ import annotations

import pathlib

import pytest

from tests.support.accounts import Account

from . import parity_kept
from .parity_kept import Kept, Names, compared
from .play import Both, Result, TaskResult
from .transports import Transport


def names(scratch: str, monkeypatch: pytest.MonkeyPatch, pid: int, port: int) -> Names:
    """The names of a session that has this process."""
    monkeypatch.setattr(parity_kept.os, "getpid", lambda: pid)
    key = f"{scratch}-sshd/key"
    variables = {"ansible_ssh_private_key_file": key, "ansible_port": port}
    account = Account(f"ectx{pid}plain", 1000 + pid, 1000, pathlib.Path("/home"))
    return Names(pathlib.Path(scratch), None, Transport("ssh", account, variables))


def result(scratch: str, pid: int, port: int) -> Result:
    values = {"path": f"{scratch}/0/one", "port": port, "size": port * 10, "text": "⌈\udcff☃"}
    task = TaskResult("task", "target", None, "ok", values, "a.yml:1")
    said = [f"ectx{pid}plain said"]
    return Result(0, f"to port {port}\n", said[0], [task], ["a.yml:1"], said, {"hosts": {}})


@pytest.fixture
def kept(tmp_path: pathlib.Path) -> Kept:
    return Kept(tmp_path, use=True)


def test_another_session_has_its_own_names(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    one = names("/tmp/ectx-one", monkeypatch, 71, 4000)
    path = kept.path({"hosts": "/tmp/ectx-one"}, one)
    assert kept.get(path, one) is None
    kept.put(path, one, result("/tmp/ectx-one", 71, 4000))
    other = names("/tmp/ectx-other", monkeypatch, 82, 5000)
    assert kept.path({"hosts": "/tmp/ectx-other"}, other) == path
    assert kept.get(path, other) == result("/tmp/ectx-other", 82, 5000)._replace(
        tasks=[
            task._replace(result={**task.result, "size": 40000})
            for task in result("/tmp/ectx-other", 82, 5000).tasks
        ]
    )


def test_what_goes_in_otherwise_is_another_run(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    one = names("/tmp/ectx-one", monkeypatch, 71, 4000)
    paths = {kept.path(each, one) for each in ({"way": "linear"}, {"way": "free"}, {"way": 4000})}
    assert len(paths) == 3


def test_all_tests_use_nothing_that_is_kept(
    kept: Kept, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = names("/tmp/ectx-one", monkeypatch, 71, 4000)
    path = kept.path({}, one)
    kept.put(path, one, result("/tmp/ectx-one", 71, 4000))
    assert Kept(tmp_path, use=False).get(path, one) is None


def test_what_is_damaged_is_not_used(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    one = names("/tmp/ectx-one", monkeypatch, 71, 4000)
    path = kept.path({}, one)
    kept.put(path, one, result("/tmp/ectx-one", 71, 4000))
    path.write_bytes(path.read_bytes()[:-20])
    assert kept.get(path, one) is None


def test_where_a_kept_result_differs_both_run_anew(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = names("/tmp/ectx-one", monkeypatch, 71, 4000)
    ports = {"stock": 4000, "ours": 4000}
    ran: list[str] = []

    def run(stock: Result | None) -> Both:
        ran.extend(["ours"] if stock else ["stock", "ours"])
        both = (result("/tmp/ectx-one", 71, ports[each]) for each in ("stock", "ours"))
        return Both(stock or next(both), list(both)[-1])

    def compare() -> Both:
        ran.clear()
        return compared({}, one, run, lambda both: both.stock == both.ours, kept)

    assert compare().stock == result("/tmp/ectx-one", 71, 4000) and ran == ["stock", "ours"]
    assert compare().stock == result("/tmp/ectx-one", 71, 4000) and ran == ["ours"]
    ports["ours"] = 4444
    assert compare().ours == result("/tmp/ectx-one", 71, 4444)
    assert ran == ["ours", "stock", "ours"]
    ports["stock"] = 4444
    assert compare().stock == result("/tmp/ectx-one", 71, 4444)
    assert compare().stock == result("/tmp/ectx-one", 71, 4444) and ran == ["ours"]


def test_what_was_not_asked_for_is_removed(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    one = names("/tmp/ectx-one", monkeypatch, 71, 4000)
    old, new = kept.path({"way": "linear"}, one), kept.path({"way": "free"}, one)
    kept.put(old, one, result("/tmp/ectx-one", 71, 4000))
    monkeypatch.setattr(parity_kept, "SECONDS", -1)
    kept.put(new, one, result("/tmp/ectx-one", 71, 4000))
    assert not old.exists() and new.exists()
