"""A root directory as a small container's: busybox is its only userland, and it has a Python."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

import pytest

#: The interpreter in it, which a target's own search finds.
PYTHON = "/usr/bin/python3"

#: Directories of the standard library that no test needs.
_LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "config-*", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tkinter"
)


NEEDS = "needs root and a static busybox"


def is_here() -> bool:
    """Return whether such a root can be made here."""
    busybox = shutil.which("busybox")
    return os.geteuid() == 0 and busybox is not None and not _libraries(busybox)


def root(directory: pathlib.Path) -> None:
    """Make the root directory, without /proc; skips the test where that cannot be."""
    if not is_here():
        pytest.skip(NEEDS)
    busybox = str(shutil.which("busybox"))
    for name in ("bin", "dev", "etc", "home", "root", "tmp", "usr/bin", "var/tmp"):
        (directory / name).mkdir(parents=True)
    directory.chmod(0o755)
    for name in ("tmp", "var/tmp"):
        (directory / name).chmod(0o1777)
    shutil.copy(busybox, directory / "bin" / "busybox")
    tools = subprocess.run([busybox, "--list"], capture_output=True, text=True, timeout=30)
    for name in tools.stdout.split():
        if name != "busybox":
            (directory / "bin" / name).symlink_to("busybox")
    for name in ("sh", "env"):
        (directory / "usr" / "bin" / name).symlink_to("/bin/busybox")
    with contextlib.suppress(PermissionError):  # some containers forbid it
        os.mknod(directory / "dev" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        (directory / "dev" / "null").chmod(0o666)
    entries = "root:x:0:0:root:/root:/bin/sh\nother:x:4321:4321:other:/tmp:/bin/sh\n"
    (directory / "etc" / "passwd").write_text(entries, encoding="ascii")
    (directory / "etc" / "group").write_text("root:x:0:\nother:x:4321:\n", encoding="ascii")
    _copy_python(directory)


def _copy_python(directory: pathlib.Path) -> None:
    """Copy this machine's Python, with its libraries and those of its modules."""
    real = shutil.which("python3", path="/usr/bin") or sys.executable
    look = "import os, sys; print(os.path.realpath(sys.executable), os.path.dirname(os.__file__))"
    found = subprocess.run([real, "-c", look], capture_output=True, text=True, check=True)
    program, library = found.stdout.split()
    shutil.copy(program, directory / PYTHON.lstrip("/"))
    inside = directory / library.lstrip("/")
    shutil.copytree(library, inside, ignore=_LEFT_OUT, dirs_exist_ok=True)
    for path in [program, *map(str, pathlib.Path(library, "lib-dynload").glob("*.so"))]:
        for needed in _libraries(path):
            target = directory / needed.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy(needed, target)


def _libraries(program: str) -> list[str]:
    ldd = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=30)
    return re.findall(r"(/\S+) \(0x", ldd.stdout)
