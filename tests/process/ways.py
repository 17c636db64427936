"""The ways in: how to get a context by each of them, and what each of them needs."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Callable
from typing import NamedTuple

import pytest

import econtext

from . import pythons
from .sshd import Sshd


class Way(NamedTuple):
    """A way to a slave; `open` starts one."""

    name: str
    open: Callable[[econtext.Router], econtext.Context]


#: The hops begin on one interpreter and end on another: a slave of any Python starts any other.
NAMES = (
    *(f"local {name}" for name in pythons.MATRIX),
    "local of local",
    "sudo",
    "sudo of local",
    "ssh",
)


def make(name: str, get_sshd: Callable[[], Sshd]) -> Way:
    """The way of this name; skips the test where something that it needs is missing."""
    match name.split():
        case ["local", "of", "local"]:
            outer, inner = python("2.7"), python("newest")
            return Way(name, lambda router: router.local(outer).local(inner))
        case ["local", version]:
            inner = python(version)
            return Way(name, lambda router: router.local(inner))
        case ["sudo"]:
            need_sudo()
            inner = python("newest")
            return Way(name, lambda router: router.sudo(python=inner))
        case ["sudo", "of", "local"]:
            need_sudo()
            outer, inner = python("3.6"), python("2.7")
            return Way(name, lambda router: router.local(outer).sudo(python=inner))
        case ["ssh"]:
            options, inner = get_sshd().options(), python("newest")
            return Way(name, lambda router: router.ssh(**options, python=inner))
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
