"""The target of all runs: an account with an empty home, its files, and how they are wiped.

As root the account is a throwaway one. Otherwise it is the present user's, whose home the server
replaces by an empty directory.
"""

import getpass
import hashlib
import os
import shutil
import subprocess
from pathlib import Path


class Target:
    """An account and its directories, inside the working directory of the benchmark."""

    def __init__(self, work: Path) -> None:
        self.throwaway = os.geteuid() == 0
        self.user = f"econtext-bench-{os.getpid()}" if self.throwaway else getpass.getuser()
        self.directory = work / "target"
        self.home = self.directory / "home"
        self.destination = self.directory / "destination"

    def __enter__(self) -> "Target":
        self.directory.mkdir(mode=0o755)
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self) -> None:
        if self.throwaway:
            # `*` is no password at all, but unlike `!` it does not lock the account.
            subprocess.run(
                ["useradd", "--system", "--no-create-home", f"--home-dir={self.home}"]
                + ["--shell=/bin/sh", "--password=*", self.user],
                check=True,
            )
        self.wipe()

    def __exit__(self, *error) -> None:
        if self.throwaway:
            subprocess.run(["userdel", self.user], check=False)

    def variables(self) -> dict:
        """What the inventory has to say about this account, whoever the contender is."""
        variables = {"ansible_user": self.user, "destination": str(self.destination)}
        if not self.throwaway:
            # Ansible asks for the home by name, so the real one would come out; and a server that
            # is not root cannot hand over a terminal on every system.
            variables["ansible_remote_tmp"] = str(self.home / ".ansible" / "tmp")
            variables["ansible_ssh_use_tty"] = False
        return variables

    def wipe(self) -> None:
        """Make the home and the destination anew, both empty."""
        for directory in (self.home, self.destination):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(mode=0o755)
            if self.throwaway:
                shutil.chown(directory, self.user)

    def outcome(self) -> str:
        """A digest of all that a run left in the destination: names, permissions, contents."""
        digest = hashlib.sha256()
        for path in sorted(self.destination.rglob("*")):
            mode = path.lstat().st_mode
            digest.update(f"{path.relative_to(self.destination)} {mode:o}\n".encode())
            if path.is_file():
                with open(path, "rb") as file:
                    while chunk := file.read(1024 * 1024):
                        digest.update(chunk)
        return digest.hexdigest()
