"""The interpreters on this machine: those on PATH by name, and those of a pyenv."""

from __future__ import annotations

import functools
import glob
import os
import shutil
import subprocess
import sys

OLDEST = (3, 6)
NEWEST = (3, 14)

Version = tuple[int, int]


@functools.cache
def found() -> dict[Version, str]:
    """A path for each version that we run on and that can be run here."""
    versions = {(sys.version_info[0], sys.version_info[1]): sys.executable}
    root = os.environ.get("PYENV_ROOT")
    paths = glob.glob(f"{root}/versions/*/bin/python") if root else []
    names = ["python2.7", *(f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1))]
    for path in [*sorted(paths), *filter(None, map(shutil.which, names))]:
        version = _version(path)
        if version == (2, 7) or version is not None and version >= OLDEST:
            versions.setdefault(version, path)
    return dict(sorted(versions.items()))


def _version(path: str) -> Version | None:
    """None where it does not run: a version manager's stand-in may lead nowhere."""
    code = "import sys; print('%d %d' % sys.version_info[:2])"
    done = subprocess.run(
        [path, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30
    )
    major, _, minor = done.stdout.strip().partition(" ")
    return (int(major), int(minor)) if done.returncode == 0 and minor else None


#: What the tests are run with, for people; a version that is not here is skipped, not hidden.
MATRIX = ("2.7", "3.6", "newest")


def path(name: str) -> str | None:
    """The interpreter for one of the names of `MATRIX`."""
    if name == "newest":
        return found()[max(found())]
    major, minor = name.split(".")
    return found().get((int(major), int(minor)))
