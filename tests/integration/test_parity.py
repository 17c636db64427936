"""The same play gives the same results under stock `linear` and under the strategy under test.

Every task, every key, except for what normalise.py takes out. The plays are in cases/.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import tarfile

import pytest

from .accounts import Accounts
from .conftest import Transport
from .normalise import normalise
from .play import Result, TaskResult, run_play

CASES = pathlib.Path(__file__).resolve().parent / "cases"
# Each case on the transports about which it says something of its own: stock's runs cost time.
TRANSPORTS = {
    "commands": ("ssh", "sudo_password", "local"),
    "transfer": ("ssh", "sudo", "local"),
    "edits": ("sudo",),
    "modes": ("sudo_password",),
    "control": ("ssh", "sudo"),
    "facts": ("ssh", "local"),
    "privileged": ("sudo_password",),
}
PAIRS = [(case, transport) for case, transports in TRANSPORTS.items() for transport in transports]


def make_sources(directory: pathlib.Path) -> None:
    """The files on the controller that the cases send."""
    tree = directory / "tree"
    tree.mkdir(parents=True)
    (tree / "one").write_text("1\n", encoding="utf-8")
    (tree / "two").write_text("2 ☃\n", encoding="utf-8")
    with tarfile.open(directory / "tree.tar.gz", "w:gz") as archive:
        archive.add(tree, "packed")
    (directory / "text").write_text("text\n", encoding="utf-8")
    # Larger than any buffer on the way, and every byte there is.
    (directory / "binary").write_bytes(bytes(range(256)) * 1200)
    (directory / "template.j2").write_text("{% for v in values %}{{ v }}\n{% endfor %}", "utf-8")
    (directory / "script.sh").write_text('#!/bin/sh\necho "$1"; echo err >&2; exit 0\n', "utf-8")
    (directory / "key.pub").write_text("ssh-ed25519 " + "A" * 68, encoding="utf-8")


def run_case(
    case: str, transport: Transport, strategy: str, scratch: pathlib.Path, other_user: str
) -> Result:
    """Run one case from the same state and with the same paths as any other time."""
    remote = scratch / "remote"
    shutil.rmtree(remote, ignore_errors=True)
    remote.mkdir()
    os.chown(remote, transport.account.uid, transport.account.gid)
    variables = transport.variables | {
        "sources": str(scratch / "sources"),
        "remote": str(remote),
        "fetched": str(scratch / "run" / "fetched"),
        "other_user": other_user,
        "new_user": f"ectx{os.getpid()}new",
        "new_id": 60000 + os.getpid() % 4000,
        # Pipelining saves most of stock's time, and lets it become an unprivileged user.
        "ansible_pipelining": True,
    }
    return run_play(
        CASES / f"{case}.yml",
        directory=scratch / "run",
        strategy=strategy,
        inventory=variables,
    )


@pytest.mark.parametrize(
    ("case", "transport"), PAIRS, indirect=["transport"], ids=[f"{c}-{t}" for c, t in PAIRS]
)
def test_results_are_those_of_stock_ansible(
    case: str,
    transport: Transport,
    strategy: str,
    scratch: pathlib.Path,
    request: pytest.FixtureRequest,
) -> None:
    other_user = ""
    if case == "privileged":
        accounts: Accounts = request.getfixturevalue("accounts")
        other_user = accounts.bare.name
    make_sources(scratch / "sources")
    stock = run_case(case, transport, "linear", scratch, other_user)
    ours = run_case(case, transport, strategy, scratch, other_user)

    assert stock.rc == 0, str(stock)
    assert ours.rc == 0, str(ours)
    ours_ends, stock_ends = ends(ours), ends(stock)
    assert [(t.task, t.item, t.status) for t in ours_ends] == [
        (t.task, t.item, t.status) for t in stock_ends
    ]
    different = [
        difference
        for one, other in zip(ours_ends, stock_ends, strict=True)
        for difference in differences(one.task, normalise(one.result), normalise(other.result))
    ]
    assert not different, "\n".join(different)


def ends(result: Result) -> list[TaskResult]:
    """Without the attempts in between: how often a job is polled depends on the machine."""
    return [task for task in result.tasks if task.status != "retry"]


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
    if ours == stock:
        return []
    return [f"{where}:\n    ours:  {str(ours)[:1000]!r}\n    stock: {str(stock)[:1000]!r}"]
