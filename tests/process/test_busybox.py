"""A small container's root: busybox is its only userland, and there is no /proc."""

from __future__ import annotations

import logging
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

import econtext
from econtext.boot import bundle, first_stage
from econtext.boot.first_stage import Manner
from econtext.target import wire
from tests.support import busybox

from .target import plain
from .target.family import functions


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    directory = tmp_path_factory.mktemp("busybox")
    busybox.root(directory)
    return directory


@pytest.fixture(params=["chroot", "chroot.local", "chroot.su"])
def inside(
    request: pytest.FixtureRequest, root: pathlib.Path, router: econtext.Router
) -> Iterator[econtext.Context]:
    """A slave in it, by the search for a Python, and slaves of that one."""
    context = router.chroot(str(root))
    if request.param.endswith("local"):
        context = context.local()
    elif request.param.endswith("su"):
        context = context.su("other")
    yield context


def test_all_is_as_elsewhere(inside: econtext.Context, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "econtext")
    assert inside.greeting["executable"] == busybox.PYTHON
    assert not inside.call(os.path.exists, "/proc") and inside.call(os.path.exists, "/bin/busybox")
    assert inside.call(plain.echo, 1, two=b"2") == [[1], [b"2"]]
    with pytest.raises(econtext.CallError, match="what was wrong"):
        inside.call(plain.fail, "what was wrong")
    assert inside.call(functions.names)[0] == "family"
    assert inside.call(plain.read_input) == b""
    futures = [inside.start(plain.echo, number) for number in range(20)]
    assert [future.result(60)[0] for future in futures] == [[number] for number in range(20)]
    with inside.session() as session:
        assert [session.call(plain.state)["counter"] for _ in range(3)] == [1, 2, 3]
    inside.call(plain.say, "said\n", "")
    assert "said" in [record.getMessage() for record in caplog.records]
    assert inside.call(os.getuid) == (4321 if ".su" in inside.name else 0)


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize("python", [None, busybox.PYTHON], ids=["search", "named"])
def test_its_shell_starts_a_slave_in_each_manner(
    root: pathlib.Path, python: str | None, manner: Manner
) -> None:
    command = first_stage.in_manner(first_stage.in_shell(python), manner)
    done = subprocess.run(
        ["chroot", str(root), *command], input=bundle.bundle(), capture_output=True, timeout=60
    )
    assert wire.MAGIC in done.stdout and done.stderr == b"" and done.returncode == 0
    assert not list((root / "tmp").iterdir())
