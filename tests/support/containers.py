"""A real container of podman, and scripts in place of programs that are not to be had."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator

import pytest

#: Programs whose place a script takes.
STUBBED = ("buildah", "docker", "incus", "jexec", "jls", "kubectl", "lxc", "podman")

#: It runs the command at the end of its arguments here, or copies, as there is no container.
#: `$GONE` is its error in place of all that.
_STUB = r"""#!/bin/sh
own() { echo "$1" | sed 's/^[^/]*//'; }
[ -z "$GONE" ] || { echo "$GONE" >&2; exit 1; }
case ${0##*/} in jls) echo c; exit ;; esac
while [ $# -gt 0 ]; do
    case $1 in
        /bin/sh | cat | chown) exec "$@" ;;
        cp | copy | push | pull)
            while [ $# -gt 2 ]; do shift; done
            exec cp "$(own "$1")" "$(own "$2")" ;;
        inspect) echo root; exit ;;
        mount | umount) exit 1 ;;
    esac
    shift
done
exit 64
"""


@contextlib.contextmanager
def stubs(directory: pathlib.Path) -> Iterator[str]:
    """A PATH with scripts in front of all programs."""
    directory.mkdir()
    for name in STUBBED:
        (directory / name).write_text(_STUB, encoding="ascii")
        (directory / name).chmod(0o755)
    yield f"{directory}:{os.environ['PATH']}"


@contextlib.contextmanager
def running(directory: pathlib.Path) -> Iterator[str]:
    """The name of a container that has this machine's /usr, and a root of its own.

    Skips the test where there is no podman.
    """
    if os.geteuid() != 0 or not all(map(shutil.which, ("podman", "runc"))):
        pytest.skip("needs root, podman and runc")
    root = directory / "root"
    for name in ("dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n", encoding="ascii")
    (root / "etc" / "group").write_text("root:x:0:\n", encoding="ascii")
    name = f"ectx{uuid.uuid4().hex[:12]}"
    # Containers get higher limits than a machine may allow.
    limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--network=host"]
    mount = ["--volume=/usr:/usr:ro", "--rootfs", str(root)]
    command = ["podman", "--runtime=runc", "run", "-d", f"--name={name}", *limits, *mount]
    run = subprocess.run(
        [*command, "/bin/sleep", "600"], capture_output=True, text=True, timeout=60
    )
    if run.returncode != 0:
        pytest.skip(f"podman runs no container here: {run.stderr.strip()}")
    try:
        yield name
    finally:
        subprocess.run(["podman", "rm", "-f", "-t", "0", name], capture_output=True, timeout=60)
