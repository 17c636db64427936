"""Results of stock Ansible, kept for another session by a key of everything that went in.

Stock Ansible's side takes four fifths of the tests that compare. It is kept below ~/.cache, for
all checkouts; names that differ from session to session stand there as signs. A kept result can
agree with ours, but it cannot accuse it: where the two differ, both run anew (`parity.check`,
`compared`).
With ECONTEXT_TEST_ALL nothing is kept or used.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.release import __version__ as core

from tests.support.scale import ALL

from .accounts import Accounts
from .play import CHECKOUT, Both, Result, TaskResult
from .transports import Transport

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
DIRECTORY = CACHE / "econtext-tests"

#: Files that say what is run, and how.
SOURCES = (CHECKOUT / "tests" / "integration", CHECKOUT / "tests" / "support")

#: Files among these that do not; of the cases there are those of the run. Some look at results.
NOT_SOURCES = (
    *("*.pyc", "test_*.py", "cases/*/*.yml"),
    *("normalise.py", "parity.py", "processes.py", "results.py", "tracebacks.py", "warned.py"),
)

#: For so long a result is kept that no session has asked for.
SECONDS = 14 * 24 * 3600


class Names:
    """The names of this session, and the signs that stand for them in what is kept."""

    def __init__(
        self, scratch: pathlib.Path, accounts: Accounts | None, transport: Transport
    ) -> None:
        names = {
            f"ectx{os.getpid()}": "session",
            str(scratch): "scratch",
            str(CHECKOUT): "checkout",
            str(new_id()): "new id",
        }
        key = transport.variables.get("ansible_ssh_private_key_file")
        if key:
            names[str(pathlib.Path(key).parent)] = "sshd"
            names[str(transport.variables["ansible_port"])] = "port"
        for number, account in enumerate(accounts.all if accounts else ()):
            names[str(account.uid)] = f"account {number}"
            if account.password:
                names[account.password] = f"password {number}"
        # No such sign is in a text of JSON, which has no letter but those of ASCII.
        self._signs = {name: f"\u2308{sign}\u2309" for name, sign in names.items()}
        self._names = {sign: name for name, sign in self._signs.items()}

    def taken_out(self, text: str) -> str:
        # A number only where it is a whole one, and the rest wherever it stands.
        some = [rf"\b{name}\b" if name.isdecimal() else re.escape(name) for name in self._signs]
        return re.sub("|".join(some), lambda found: self._signs[found[0]], text)

    def put_in(self, text: str) -> str:
        return re.sub("|".join(self._names), lambda found: self._names[found[0]], text)


class Kept:
    """The results of stock Ansible that are kept, for one session."""

    def __init__(self, directory: pathlib.Path = DIRECTORY, use: bool = not ALL) -> None:
        self._directory = directory
        self._use = use

    def path(self, went_in: Mapping[str, Any], names: Names) -> pathlib.Path:
        """Return the file for a run; it depends on `went_in`, the machine and the tests."""
        text = names.taken_out(json.dumps(went_in, sort_keys=True))
        digest = hashlib.sha256("\0".join([text, *surroundings()]).encode())
        return self._directory / f"{digest.hexdigest()}.json.gz"

    def get(self, path: pathlib.Path, names: Names) -> Result | None:
        """Return the result that is kept; None if there is none, or none that can be read."""
        if not self._use:
            return None
        try:
            text = gzip.decompress(path.read_bytes()).decode()
            os.utime(path)
        except (OSError, EOFError, zlib.error):
            return None
        given = json.loads(names.put_in(text))
        return Result(**{**given, "tasks": [TaskResult(*task) for task in given["tasks"]]})

    def put(self, path: pathlib.Path, names: Names, result: Result) -> None:
        """Keep a result; one that is read while it is written is either of the two."""
        if not self._use:
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_old()
        text = names.taken_out(json.dumps(result._asdict()))
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.write_bytes(gzip.compress(text.encode(), 1))
        part.replace(path)

    def _remove_old(self) -> None:
        for path in self._directory.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another session's
                if time.time() - path.stat().st_mtime > SECONDS:
                    path.unlink()


def compared(
    went_in: Mapping[str, Any],
    names: Names,
    run: Callable[[Result | None], Both],
    alike: Callable[[Both], bool],
    kept: Kept | None = None,
) -> Both:
    """Return both results of one play: stock's as it is kept, where that agrees with ours.

    `run` runs the play both ways, or our way alone where it is given stock's result.
    """
    kept = kept or Kept()
    path = kept.path(went_in, names)
    found = kept.get(path, names)
    if found is not None:
        both = run(found)
        if alike(both):
            return both
    both = run(None)
    kept.put(path, names, both.stock)
    return both


def new_id() -> int:
    """A number for an account that a case makes."""
    return 60000 + os.getpid() % 4000


@functools.cache
def surroundings() -> tuple[str, ...]:
    """The machine, the versions, and the tests' own files but for the cases."""
    release = pathlib.Path("/etc/os-release")
    return (
        core,
        sys.version,
        str(os.getuid()),
        *platform.uname(),
        release.read_text("utf-8") if release.exists() else "",
        *map(_said, (("dpkg", "-l"), ("/usr/bin/python3", "-VV"))),
        *_files(),
    )


def _said(command: tuple[str, ...]) -> str:
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
    return ""


def _files() -> Iterator[str]:
    for directory in SOURCES:
        for path in sorted(directory.rglob("*")):
            if path.is_file() and not any(map(path.match, NOT_SOURCES)):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                yield f"{path.relative_to(CHECKOUT)} {path.stat().st_mode} {digest}"
