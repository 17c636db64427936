"""Routes to a slave: how to get a context by each, and what each needs."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Callable
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


#: The hops begin on one interpreter and end on another: a slave of any Python starts any other.
NAMES = (
    *(f"local {name}" for name in pythons.MATRIX),
    "local of local",
    "sudo",
    "sudo of local",
    "ssh",
)


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
    raise ValueError(name)


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
