"""What is not recognised runs the stock way, and the user can see that it did."""

from __future__ import annotations

import pathlib
import re

import pytest

from tests.support.scale import more_of_a_kind

from .conftest import Transport
from .parity_cases import DIRECTORY
from .play import play_of, run_play

pytestmark = pytest.mark.usefixtures("ours")


def test_it_runs_and_is_told(ssh: Transport, strategy: str, scratch: pathlib.Path) -> None:
    result = run_play(
        play_of({"ping": {}, "name": "known"}, {"raw": "echo hello", "name": "not known"}),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables,
        extra_args=["-vvv"],
    )
    assert result.rc == 0, str(result)
    assert result.one("not known").result["stdout_lines"] == ["hello"]
    assert "econtext: EXEC module ansible.modules.ping in a call process" in result.stdout
    assert "econtext: the stock way for a command" in result.stdout


def test_kept_remote_files_go_the_stock_way(
    ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """Whoever asks for the files on the target gets them."""
    result = run_play(
        play_of({"ping": {}}),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables,
        env={"ANSIBLE_KEEP_REMOTE_FILES": "1"},
        extra_args=["-vvv"],
    )
    assert result.rc == 0, str(result)
    default = ssh.account.home / ".ansible" / "tmp"
    remote_tmp = pathlib.Path(ssh.variables.get("ansible_remote_tmp", default))
    kept = list(remote_tmp.glob("ansible-tmp-*/AnsiballZ_ping.py"))
    assert len(kept) == 1
    assert "econtext: the stock way for a command" in result.stdout


def test_a_kept_program_goes_the_stock_way(
    ssh: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """One that is no Python."""
    result = run_play(
        play_of({"want_json": {"value": "one"}, "name": "program"}),
        directory=scratch / "run",
        strategy=strategy,
        inventory={**ssh.variables, "ansible_remote_tmp": f"{ssh.account.home}/kept"},
        env={"ANSIBLE_KEEP_REMOTE_FILES": "1"},
        cfg={"library": str(DIRECTORY / "modules" / "library")},
        extra_args=["-vvv"],
    )
    assert result.rc == 0, str(result)
    kept = ssh.account.home.glob("kept/ansible-tmp-*/*")
    assert sorted(path.name for path in kept) == ["AnsiballZ_want_json.sh", "args"]
    assert "econtext: the stock way for a command" in result.stdout


# A smaller one is in memory as those of parity's modules/programs are.
@pytest.mark.parametrize("size", [pytest.param(100_000, marks=more_of_a_kind), 9_000_000])
def test_a_large_program_is_carried(
    ssh: Transport, strategy: str, scratch: pathlib.Path, size: int
) -> None:
    """One that is too large for memory is a file, and run by the slave all the same."""
    library = scratch / "library"
    library.mkdir()
    text = '#!/bin/sh\n# WANT_JSON\necho "{\\"size\\": $(wc -c <"$0")}"\nexit 0\n'
    (library / "large.sh").write_text(text.ljust(size, "#"), encoding="utf-8")
    result = run_play(
        play_of({"large": {"value": "one"}, "name": "large"}),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables,
        cfg={"library": str(library)},
        extra_args=["-vvv"],
    )
    assert result.rc == 0, str(result)
    assert result.one("large").result["size"] == size
    assert "econtext: EXEC module AnsiballZ_large.sh in a call process" in result.stdout
    assert "econtext: the stock way" not in result.stdout


def test_the_command_of_a_job_is_told(ssh: Transport, strategy: str, scratch: pathlib.Path) -> None:
    """With the Python that it runs with, which may be another one for each host."""
    result = run_play(
        play_of({"command": "true", "async": 5, "poll": 1}),
        directory=scratch / "run",
        strategy=strategy,
        inventory=ssh.variables,
        extra_args=["-vvv"],
    )
    assert result.rc == 0, str(result)
    assert re.search(r"econtext: EXEC .*python.* .*/async_wrapper\.py", result.stdout)
    assert re.search(r"EXEC module .*async_status in a call process: .*python", result.stdout)


def test_the_command_of_become_is_told(
    sudo: Transport, strategy: str, scratch: pathlib.Path
) -> None:
    """As the stock way does: whoever doubts the flags can see them."""
    result = run_play(
        play_of({"ping": {}}),
        directory=scratch / "run",
        strategy=strategy,
        inventory={**sudo.variables, "ansible_become_flags": "-H -n -E"},
        extra_args=["-vvv"],
    )
    assert result.rc == 0, str(result)
    assert "EXEC module ansible.modules.ping in a call process: sudo -H -n -E " in result.stdout
