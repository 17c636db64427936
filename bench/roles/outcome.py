"""What a run leaves: its recap, and the files of a host."""

import hashlib
import itertools
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

# What differs from one run of stock Ansible to the next: logs, caches, times, random keys.
LEFT_OUT = (
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "var/cache",
    "var/log",
    "var/tmp",
    "var/lib/apt",
    "var/lib/bench/sys",
    "var/lib/systemd",
    "usr/lib/python3/dist-packages/__pycache__",
)

#: Files that hold what is random, or a time: their contents are left out, their names are not.
NOT_READ = ("etc/ssh/ssh_host_", "etc/shadow", "etc/ld.so.cache", "var/lib/dpkg/", ".pem", ".key")

#: Names that a run may leave or not, as its Python sees fit.
NOT_NAMED = ("__pycache__", ".ansible")

MOST = 40


@dataclass(frozen=True)
class Outcome:
    """The recap of all hosts, and of the first one the files: name, mode, owner, contents.

    Where the results of tasks were noted, those too: which came to each host, one after the other.
    """

    recap: dict[str, str]
    files: dict[str, str]
    results: dict[str, list[str]]

    @classmethod
    def of(cls, recap: dict[str, str], root: Path, results: list[str]) -> "Outcome":
        by_host: dict[str, list[str]] = {}
        for line in results:
            host, *rest = json.loads(line)
            by_host.setdefault(host, []).append(json.dumps(rest))
        return cls(dict(sorted(recap.items())), files(root), by_host)

    def differences(self, expected: "Outcome") -> list[str]:
        """List where this is another outcome than the expected one."""
        found = [
            f"recap of {name}: {line}, expected {expected.recap.get(name)}"
            for name, line in self.recap.items()
            if expected.recap.get(name) != line
        ]
        for name, lines in expected.results.items():
            of_both = itertools.zip_longest(self.results.get(name, []), lines)
            found += [f"result: {own}, expected {other}" for own, other in of_both if own != other]
        for name in sorted(self.files.keys() | expected.files.keys()):
            own, other = self.files.get(name), expected.files.get(name)
            if own != other:
                found.append(f"/{name}: {own or 'not there'}, expected {other or 'none'}")
        return found[:MOST]


def files(root: Path) -> dict[str, str]:
    """Describe each file below a root directory."""
    found: dict[str, str] = {}
    for directory, names, others in os.walk(root):
        below = os.path.relpath(directory, root)
        below = "" if below == "." else below + "/"
        names[:] = [name for name in names if is_compared(below + name)]
        for name in names + others:
            if is_compared(below + name):
                found[below + name] = describe(below + name, Path(directory, name))
    return found


def is_compared(name: str) -> bool:
    return name not in LEFT_OUT and os.path.basename(name) not in NOT_NAMED


def describe(name: str, path: Path) -> str:
    """Describe one file: its mode and owner, and what it holds."""
    status = path.lstat()
    text = f"{status.st_mode:o} {status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"{text} -> {os.readlink(path)}"
    if stat.S_ISREG(status.st_mode) and not any(part in name for part in NOT_READ):
        return f"{text} {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    return text
