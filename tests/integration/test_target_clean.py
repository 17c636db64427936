"""A play leaves nothing on the target but what its tasks asked for.

The controller runs on the same machine: its own temporary files are in the scratch directory,
which is not looked at.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Any

import pytest

from tests.support.accounts import Account
from tests.support.sshd import Sshd

from .accounts import Accounts
from .parity_cases import DIRECTORY
from .play import play_of, run_play

PUBLIC = [pathlib.Path(name) for name in ("/tmp", "/var/tmp", "/dev/shm", "/root/.ansible")]


def below(top: pathlib.Path, without: pathlib.Path) -> list[pathlib.Path]:
    found = []
    for directory, names, files in os.walk(top):
        here = pathlib.Path(directory)
        names[:] = [name for name in names if here / name != without]
        found += [here / name for name in (*names, *files)]
    return found


def home_as_it_is(account: Account, asked: pathlib.Path) -> dict[str, int]:
    """Every path in the home, with its time of change: that of a directory changes as well when
    a file was made in it and removed."""
    paths = [account.home, *below(account.home, without=asked)]
    return {str(path): path.lstat().st_mtime_ns for path in paths}


def owned_in_public(groups: set[int], scratch: pathlib.Path) -> set[str]:
    """What these groups own in the directories that everybody writes to."""
    found = set()
    for path in (one for top in PUBLIC for one in below(top, without=scratch)):
        try:
            if path.lstat().st_gid in groups:
                found.add(str(path))
        except FileNotFoundError:  # somebody else's, and gone
            pass
    return found


class Target:
    """What can be seen of the target before and after a play."""

    def __init__(self, accounts: Accounts, scratch: pathlib.Path) -> None:
        self._accounts = (accounts.plain, accounts.guarded)
        self._groups = {account.gid for account in self._accounts}
        self._scratch = scratch
        for account in self._accounts:  # earlier tests may have been stock Ansible's
            for path in account.home.iterdir():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)  # its maker may be at it too
                else:
                    path.unlink(missing_ok=True)
        self.asked = accounts.plain.home / "asked"
        self.asked.mkdir()
        os.chown(self.asked, accounts.plain.uid, accounts.plain.gid)

    def homes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for account in self._accounts:
            found |= home_as_it_is(account, self.asked)
        return found

    def public(self) -> set[str]:
        return owned_in_public(self._groups, self._scratch)


@pytest.fixture
def target(accounts: Accounts, scratch: pathlib.Path) -> Target:
    return Target(accounts, scratch)


@pytest.fixture
def variables(accounts: Accounts, sshd: Sshd) -> dict[str, Any]:
    """The superuser's processes run with the group of the account, so that what they leave in a
    public directory is told from what other programs of this machine do there."""
    flags = {"ansible_become_flags": f"-H -S -n -g {accounts.plain.name}"}
    return sshd.variables(accounts.plain) | flags


def test_tasks_that_write_nothing_touch_no_home(
    ours: None,
    accounts: Accounts,
    target: Target,
    variables: dict[str, Any],
    strategy: str,
    scratch: pathlib.Path,
) -> None:
    as_root = {"become": True}
    as_other = {"become": True, "become_user": accounts.guarded.name}
    play = play_of(
        {"name": "setup", "setup": {"gather_subset": ["min", "network"]}},
        {"name": "command", "command": "id"},
        {"name": "stat", "stat": {"path": "/etc/passwd"}},
        {"name": "services", "service_facts": {}},
        {"name": "user", "user": {"name": accounts.guarded.name, "comment": "new"}, **as_root},
        {"name": "command as root", "command": "id", **as_root},
        {"name": "services as root", "service_facts": {}, **as_root},
        {"name": "setup as another", "setup": {"gather_subset": ["min"]}, **as_other},
        {"name": "command as another", "command": "id", **as_other},
        {"name": "in a shell", "want_json": {"value": "one"}},
        {"name": "in a shell as root", "old_style": {"first": "one"}, **as_root},
        {"name": "in a shell as another", "want_json": {"value": "one"}, **as_other},
        {"name": "in a shell again", "old_style": {"first": "one"}},
        {"name": "its arguments in its text", "json_args_shell": {"value": "one"}},
        # It starts a Python of its own, which unpacks its module for as long as that runs.
        {"name": "environment", "command": "id", "environment": {"PYTHONPATH": "/nowhere"}},
    )
    homes, public = target.homes(), target.public()
    result = run_play(
        play,
        directory=scratch / "run",
        strategy=strategy,
        inventory=variables,
        cfg={"library": str(DIRECTORY / "modules" / "library")},
    )
    assert result.rc == 0, str(result)
    assert target.homes() == homes
    assert target.public() == public


def test_tasks_that_write_leave_what_they_wrote(
    ours: None,
    target: Target,
    variables: dict[str, Any],
    strategy: str,
    scratch: pathlib.Path,
) -> None:
    path = target.asked / "file"
    play = play_of(
        {"name": "line", "lineinfile": {"path": str(path), "line": "one", "create": True}},
        {"name": "another", "lineinfile": {"path": str(path), "line": "two"}},
        {"name": "as root", "lineinfile": {"path": str(path), "line": "3"}, "become": True},
        {"name": "content", "copy": {"content": "c", "dest": f"{target.asked}/copied"}},
        {"name": "content as root", "copy": {"content": "d", "dest": f"{target.asked}/copied"},
         "become": True},
        {"name": "of a loop", "copy": {"content": "e{{ item }}", "dest": f"{target.asked}/copied"},
         "loop": [1, 2, 3]},
    )  # fmt: skip
    homes, public = target.homes(), target.public()
    result = run_play(play, directory=scratch / "run", strategy=strategy, inventory=variables)
    assert result.rc == 0, str(result)
    assert path.read_text() == "one\ntwo\n3\n"
    # A module may well write a file beside the home's others first, and move it: names alone.
    assert target.homes().keys() == homes.keys()
    assert target.public() == public
    assert sorted(one.name for one in target.asked.iterdir()) == ["copied", "file"]
