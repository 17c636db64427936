"""The throwaway accounts that plays log in to, one of each kind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

from tests.support.accounts import (
    Account,
    made,
    made_with_password,
    made_with_sudo,
    removed_at_the_end,
)

#: Login shells that speak another language than sh.
SHELLS = ("csh", "fish")


class Accounts(NamedTuple):
    plain: Account  # sudo without a password
    guarded: Account  # sudo with its password
    bare: Account  # its session sees a root directory without any Python
    with_shell: dict[str, Account]  # by the name of the shell; sudo without a password

    @property
    def all(self) -> list[Account]:
        return [self.plain, self.guarded, self.bare, *self.with_shell.values()]


@contextlib.contextmanager
def throwaway_accounts() -> Iterator[Accounts]:
    """An account of each kind; nothing of them is left at the end, also when something failed."""
    with removed_at_the_end("plain", "guard", "bare", *SHELLS):
        plain, guarded, bare = made_with_sudo("plain"), made_with_password("guard"), made("bare")
        _make_root_without_python(bare)
        paths = {shell: path for shell in SHELLS if (path := shutil.which(shell))}
        with_shell = {shell: made_with_sudo(shell, path) for shell, path in paths.items()}
        yield Accounts(plain, guarded, bare, with_shell)


def _make_root_without_python(account: Account) -> None:
    """A directory for ChrootDirectory: a shell and a few tools with their libraries.

    A PATH without Python would not do: Ansible looks for /usr/bin/python3 as well.
    """
    root = account.root
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    for tool in ("sh", "cat", "echo", "uname", "mkdir", "rm", "id", "sleep", "chmod"):
        binary = os.path.realpath(shutil.which(tool, path="/bin:/usr/bin") or tool)
        shutil.copy(binary, root / "bin" / tool)
        ldd = subprocess.run(["ldd", binary], capture_output=True, text=True, timeout=30)
        for library in re.findall(r"(/\S+) \(0x", ldd.stdout):
            inside = root / library.lstrip("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, inside)
    (root / "dev").mkdir()
    with contextlib.suppress(PermissionError):  # some containers forbid it, and can do without
        os.mknod(root / "dev" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        (root / "dev" / "null").chmod(0o666)
    inner_home = root / account.home.relative_to("/")
    inner_home.mkdir(parents=True)
    os.chown(inner_home, account.uid, account.gid)
