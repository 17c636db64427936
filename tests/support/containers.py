"""Real containers, each with this machine's /usr, and scripts in place of other programs."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from . import processes

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
def podman(directory: pathlib.Path) -> Iterator[str]:
    """The name of a container of podman; skips the test where none can be had."""
    _need("podman", "runc")
    name = _name()
    # Containers get higher limits than a machine may allow.
    limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--network=host"]
    mount = ["--volume=/usr:/usr:ro", "--rootfs", str(_root(directory))]
    begin = ["podman", "--runtime=runc", "run", "-d", f"--name={name}", *limits, *mount]
    _run([*begin, *_SLEEP])
    try:
        yield name
    finally:
        subprocess.run(["podman", "rm", "-f", "-t", "0", name], capture_output=True, timeout=60)


@contextlib.contextmanager
def lxc(directory: pathlib.Path) -> Iterator[str]:
    """The name of a container of LXC; skips the test where none can be had."""
    _need("lxc-start")
    name, root = _name(), _root(directory)
    configuration = directory / "lxc.conf"
    configuration.write_text(
        f"lxc.rootfs.path = dir:{root}\n"
        "lxc.mount.entry = /usr usr none bind,ro 0 0\n"
        "lxc.net.0.type = none\n"
        "lxc.apparmor.profile = unconfined\n"
        f"lxc.init.cmd = {' '.join(_SLEEP)}\n",
        encoding="ascii",
    )
    _run(["lxc-start", "-n", name, "-f", str(configuration)])
    try:
        yield name
    finally:
        subprocess.run(["lxc-stop", "-k", "-n", name], capture_output=True, timeout=60)
        with contextlib.suppress(OSError):
            pathlib.Path("/var/lib/lxc", name).rmdir()


def lxc_bindings(directory: pathlib.Path) -> str:
    """Return a directory for PYTHONPATH that has LXC's library for Python, as Debian packages it.

    Skips the test where this Python cannot load it.
    """
    directory.mkdir()
    found = [*pathlib.Path("/usr/lib/python3/dist-packages").glob("*lxc*")]
    for path in found:
        (directory / path.name).symlink_to(path)
    look = [sys.executable, "-c", "import _lxc"]
    run = subprocess.run(
        look, env={"PYTHONPATH": str(directory)}, stderr=subprocess.PIPE, text=True, timeout=30
    )
    if run.returncode != 0:
        pytest.skip(f"needs LXC's library for this Python: {run.stderr.strip()}")
    return str(directory)


@contextlib.contextmanager
def nspawn(directory: pathlib.Path) -> Iterator[int]:
    """The number of a process in a container of systemd-nspawn; skips where none can be had."""
    _need("systemd-nspawn", "nsenter")
    # Without a manager of machines, and with its own process as the second one.
    alone = ["--quiet", "--register=no", "--keep-unit", "--as-pid2", "--bind-ro=/usr"]
    begin = ["systemd-nspawn", *alone, f"--machine={_name()}", "-D", str(_root(directory))]
    process = subprocess.Popen([*begin, *_SLEEP], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def inner() -> list[int]:
        if process.poll() is not None:
            assert process.stderr is not None
            pytest.skip(f"systemd-nspawn runs nothing here: {process.stderr.read().decode()}")
        family = processes.family(process.pid)
        return [each.pid for each in family if each.argv == " ".join(_SLEEP)]

    try:
        yield processes.until(30, inner, "a process of the container runs")[0]
    finally:
        process.kill()
        process.communicate()


_SLEEP = ["/bin/sleep", "600"]


def _name() -> str:
    return f"ectx{uuid.uuid4().hex[:12]}"


def _need(*programs: str) -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, programs)):
        pytest.skip(f"needs root and {', '.join(programs)}")


def _root(directory: pathlib.Path) -> pathlib.Path:
    """A root directory, for this machine's /usr."""
    root = directory / "root"
    for name in ("dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n", encoding="ascii")
    (root / "etc" / "group").write_text("root:x:0:\n", encoding="ascii")
    return root


def _run(command: list[str]) -> None:
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        pytest.skip(f"{command[0]} runs no container here: {run.stderr.strip()}")
