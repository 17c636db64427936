"""The checkout as a collection: built, installed, and its plugins used by their full names."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from .conftest import Transport, short_directory
from .play import ANSIBLE_PLAYBOOK, CHECKOUT, play_of, run_play

pytestmark = pytest.mark.usefixtures("ours")

GALAXY = ANSIBLE_PLAYBOOK.with_name("ansible-galaxy")
PING = {"name": "ping", "ping": {}}
SAID = "econtext: EXEC module ansible.modules.ping in a call process"


def _galaxy(*arguments: str, home: pathlib.Path) -> None:
    env = {"HOME": str(home), "ANSIBLE_HOME": str(home), "LANG": "C.UTF-8"}
    command = [str(GALAXY), "collection", *arguments]
    subprocess.run(command, check=True, cwd=home, env=env, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def collections() -> Iterator[str]:
    """A directory with the collection in it."""
    with short_directory() as home:
        built, installed = home / "built", home / "collections"
        _galaxy("build", str(CHECKOUT), "--output-path", str(built), home=home)
        (archive,) = built.iterdir()
        _galaxy("install", str(archive), "-p", str(installed), home=home)
        yield str(installed)


def test_strategy(ssh: Transport, collections: str, scratch: pathlib.Path) -> None:
    result = run_play(
        play_of(PING),
        directory=scratch / "run",
        strategy="linear",
        inventory=ssh.variables,
        extra_args=["-vvv"],
        env={"ANSIBLE_STRATEGY": "econtext.econtext.econtext"},
        cfg={"collections_path": collections},
    )
    assert result.one("ping").status == "ok", str(result)
    assert SAID in result.stdout


def test_connection(ssh: Transport, collections: str, scratch: pathlib.Path) -> None:
    result = run_play(
        play_of(PING),
        directory=scratch / "run",
        strategy="linear",
        inventory=ssh.variables | {"ansible_connection": "econtext.econtext.econtext"},
        extra_args=["-vvv"],
        cfg={"collections_path": collections},
    )
    assert result.one("ping").status == "ok", str(result)
    assert SAID in result.stdout
