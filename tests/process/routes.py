"""Routes to a slave: how to get a context by each, and what each needs."""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

import econtext
from tests.support.sshd import Sshd

from . import pythons


class Route(NamedTuple):
    """Route to a slave: methods of a router, then of contexts, each with its arguments."""

    name: str
    steps: tuple[tuple[str, dict[str, Any]], ...]

    def open(self, router: econtext.Router) -> econtext.Context:
        reached: Any = router
        for method, arguments in self.steps:
            reached = getattr(reached, method)(**arguments)
        assert isinstance(reached, econtext.Context)
        return reached


#: Methods whose program is not to be had everywhere: arguments, the program, and how it was called.
#: A script takes its place, which notes that, and runs the command at its end.
STUBS: dict[str, tuple[dict[str, Any], str, str]] = {
    "buildah": ({"container": "c"}, "buildah", "run -- c"),
    "doas": ({"username": "root"}, "doas", "-n -u root"),
    "docker": ({"container": "c", "username": "u"}, "docker", "exec -i -u u -- c"),
    "incus": ({"instance": "far:i"}, "incus", "exec -T far:i --"),
    "jail": ({"jail": "j", "username": "u"}, "jexec", "-U u j"),
    "kubectl": (
        {"pod": "p", "container": "c", "namespace": "n", "kubectl_args": ["--context=x"]},
        "kubectl",
        "--context=x -n n exec -i p -c c --",
    ),
    "lxc": ({"container": "c"}, "lxc-attach", "--clear-env -n c --"),
    "lxd": ({"instance": "i", "project": "p"}, "lxc", "exec --project p -T i --"),
    "podman": ({"container": "c"}, "podman", "exec -i -- c"),
}

#: Script in place of a program.
_STUB = """#!/bin/sh
said=
while [ "$1" != /bin/sh ]; do said="$said $1"; shift; done
echo "$said" >"$0.said"
exec "$@"
"""


#: The hops begin on one interpreter and end on another: a slave of any Python starts any other.
NAMES = (
    *(f"local {name}" for name in pythons.MATRIX),
    "local of local",
    "sudo",
    "sudo of local",
    "ssh",
    "local of local of local of local",
    "su",
    "chroot",
    "nsenter",
    *(f"stub {method}" for method in STUBS),
)

#: Those of `make test`; the others are made of the same.
ALWAYS = {*NAMES} - {"chroot", *(f"stub {method}" for method in STUBS)} | {"stub docker"}


def make(name: str, get_sshd: Callable[[], Sshd]) -> Route:
    """Return the route of this name; skip the test if something that it needs is missing."""
    newest: dict[str, Any] = {"python": python("newest")}
    match name.split():
        case ["local", "of", "local"]:
            return Route(name, (("local", {"python": python("2.7")}), ("local", newest)))
        case ["local", version]:
            return Route(name, (("local", {"python": python(version)}),))
        case ["sudo"]:
            need_sudo()
            return Route(name, (("sudo", newest),))
        case ["sudo", "of", "local"]:
            need_sudo()
            inner = {"python": python("2.7")}
            return Route(name, (("local", {"python": python("3.6")}), ("sudo", inner)))
        case ["ssh"]:
            return Route(name, (("ssh", {**get_sshd().options(), **newest}),))
        case ["local", "of", "local", "of", *_]:
            steps = ("local", {"python": python("2.7")}), ("local", {"python": python("3.6")})
            return Route(name, (*steps, *steps[:1], ("local", newest)))
        case ["su" | "chroot" | "nsenter" as method]:
            need_root()
            to = {"su": {}, "chroot": {"directory": "/"}, "nsenter": {"pid": os.getpid()}}[method]
            return Route(name, ((method, {**to, **newest}),))
        case ["stub", method]:
            return Route(name, ((method, {**STUBS[method][0], **newest}),))
    raise ValueError(name)


@contextlib.contextmanager
def stubs(directory: pathlib.Path) -> Iterator[None]:
    """The scripts of `STUBS` in front of all programs."""
    for _, program, _ in STUBS.values():
        path = directory / program
        path.write_text(_STUB, encoding="ascii")
        path.chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{directory}:{before}"
    yield
    os.environ["PATH"] = before


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")


def python(name: str) -> str:
    """The path of an interpreter of the matrix."""
    path = pythons.path(name)
    if path is None:
        pytest.skip(f"no Python {name} found")
    return path


@functools.cache
def _sudo_works() -> bool:
    if shutil.which("sudo") is None:
        return False
    command = ["sudo", "-n", "-u", "root", "true"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    return done.returncode == 0


def need_sudo() -> None:
    if not _sudo_works():
        pytest.skip("needs sudo without a password")
