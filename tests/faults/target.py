"""What a cell has on the target: an account, gates at which commands wait, and what they count."""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import shutil
from typing import NamedTuple

from tests.support import processes
from tests.support.accounts import Account
from tests.support.processes import Process, until

#: A command that counts that it ran, and waits if its name is held.  It is given a name.
GATE = """\
#!/bin/sh
echo "$1" >>{directory}/executed
if [ -p {directory}/go.$1 ]; then
    echo "$$ $PPID" >{directory}/new.$1
    mv {directory}/new.$1 {directory}/at.$1
    read -r go <{directory}/go.$1
fi
exit 0
"""

#: The link by which a cell's slaves are told from all other Pythons of the machine.
PYTHON = "/usr/bin/python3"

#: Where others may write, and so econtext could leave something.
PUBLIC = ("/tmp", "/var/tmp", "/dev/shm", "/root/.ansible", "/root/.ansible/tmp")


class Arrived(NamedTuple):
    """A gate's process and its parent, the process of the call."""

    command: int
    call: int


class Target:
    """The target's side of one cell, in a directory of its own."""

    def __init__(self, directory: pathlib.Path, account: Account) -> None:
        self.account = account
        self.directory = directory / "remote"
        self.directory.mkdir()
        os.chown(self.directory, account.uid, account.gid)
        self.python = directory / "python"
        self.python.symlink_to(PYTHON)
        self.gate = directory / "gate"
        _script(self.gate, GATE.format(directory=self.directory))
        self._executed = self.directory / "executed"
        self._executed.touch()
        self._executed.chmod(0o666)
        self._gates: dict[str, int] = {}
        self._scratch = directory
        for path in self.account.home.iterdir():  # of a cell that failed
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._public = self._owned_in_public()
        self._own: set[pathlib.Path] = set()

    # Gates

    def hold(self, name: str) -> None:
        """Keep the command of this name waiting until `release`."""
        path = self.directory / f"go.{name}"
        os.mkfifo(path)
        path.chmod(0o666)
        self._gates[name] = os.open(path, os.O_RDWR)  # both ends: a writer never waits

    def release(self, *names: str) -> None:
        """Let pass what waits at these gates, or at all, and what comes later."""
        for name in names or self._gates:
            os.write(self._gates[name], b"go\n" * 100)

    def arrived(self, name: str) -> Arrived | None:
        try:
            return Arrived(*map(int, (self.directory / f"at.{name}").read_text().split()))
        except FileNotFoundError:
            return None

    def executions(self) -> dict[str, int]:
        """How often each command began."""
        return collections.Counter(self._executed.read_text().split())

    def close(self) -> None:
        for fd in self._gates.values():
            os.close(fd)

    # Files

    def script(self, path: pathlib.Path, text: str) -> None:
        """Make a script of the cell's own, in the home or in its directory."""
        for parent in reversed(path.relative_to(self.account.home).parents):
            if not (self.account.home / parent).exists():
                (self.account.home / parent).mkdir(mode=0o700)
                os.chown(self.account.home / parent, self.account.uid, self.account.gid)
                self._own.add(self.account.home / parent)
        _script(path, text)
        self._own.add(path)

    def left(self) -> set[str]:
        """Files that lie about, in the home and where everybody writes."""
        in_home = set(self.account.home.rglob("*")) - self._own
        return {str(path) for path in in_home} | (self._owned_in_public() - self._public)

    def _owned_in_public(self) -> set[str]:
        """Return what has the account's group; not below directories of others, who are many."""
        found = set()
        for top in filter(os.path.isdir, PUBLIC):
            for entry in os.scandir(top):
                with contextlib.suppress(FileNotFoundError):
                    if entry.stat(follow_symlinks=False).st_gid == self.account.gid:
                        found.add(entry.path)
        return found

    # Processes

    def slave(self) -> Process:
        """The slave of the login."""
        return self._top(self.account.uid)

    def become_slave(self) -> Process:
        return self._top(0)

    def _top(self, uid: int) -> Process:
        def look() -> list[Process]:
            known = {one.pid: one for one in self.pythons() if one.uid == uid}
            return [one for one in known.values() if one.parent not in known]

        (found,) = until(10, look, f"a slave with uid {uid}")
        return found

    def pythons(self) -> set[Process]:
        """All slaves of the cell and their call processes."""
        return {one for one in processes.processes() if one.argv.startswith(f"{self.python} ")}

    def spare(self, slave: Process, *others: int) -> Process:
        """The process that waits for the next call."""

        def look() -> list[Process]:
            some = [one for one in self.pythons() if one.parent == slave.pid]
            return [one for one in some if one.pid not in others]

        (found,) = until(10, look, f"one spare of {slave}")
        return found

    def with_open(self, slave: Process, part: str) -> Process:
        """The call process that has a file open whose path holds `part`."""

        def look() -> list[Process]:
            some = [one for one in self.pythons() if one.parent == slave.pid]
            return [one for one in some if any(part in name for name in _open_files(one.pid))]

        (found,) = until(10, look, f"a call process with {part}")
        return found

    def living(self) -> set[Process]:
        """Processes on the target that belong to the cell."""
        everything = processes.processes()
        own = str(self._scratch)
        return {p for p in everything if p.uid == self.account.uid or own in p.argv}


def _open_files(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(os.readlink(path))
    return found


def _script(path: pathlib.Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
