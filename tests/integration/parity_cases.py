"""The cases of the parity test: playbooks below cases/, one file for each.

A file begins with a comment that says what the case is about. Lines of it that begin with
`#:` are read here, all of them optional:

    #: transports: ssh, sudo           on which transports it runs (conftest.py); default: ssh
    #: more_transports: local          the same with ECONTEXT_TEST_ALL alone (support/scale.py)
    #: core: >=2.19                    which versions of ansible-core it is for; also <2.19
    #: needs: root, gcc, module yaml   accounts made by root, a command, a module of python3
    #: settings: ANSIBLE_X=1           environment variables of ansible-playbook
    #: alone: yes                      a run of its own, since it ends the run or changes the rest

The plays may use every host of `parity_runs.Runs._hosts`, and the variables of
`parity_runs.Runs._variables`. Roles, modules and plugins are found beside them, as Ansible finds
them beside any playbook. The names of plays and tasks are free.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from ansible.release import __version__ as core

DIRECTORY = pathlib.Path(__file__).resolve().parent / "cases"
PROPERTIES = ("transports", "more_transports", "core", "needs", "settings", "alone")
CORE = tuple(map(int, core.split(".")[:2]))


class Case(NamedTuple):
    path: pathlib.Path
    transports: tuple[str, ...]
    more_transports: tuple[str, ...]
    core: str
    needs: tuple[str, ...]
    settings: tuple[str, ...]
    alone: bool

    @property
    def area(self) -> str:
        return self.path.parent.name

    @property
    def name(self) -> str:
        return f"{self.area}/{self.path.stem}"

    def why_not(self) -> str:
        """What keeps it from being run here; empty where nothing does."""
        if not _is_core(self.core):
            return f"is for ansible-core {self.core}, this is {core}"
        missing = [need for need in self.needs if not _is_there(need)]
        return f"needs {', '.join(missing)}" if missing else ""


class Group(NamedTuple):
    """Cases that share a run."""

    area: str
    settings: tuple[str, ...]
    alone: str


def group_of(case: Case) -> Group:
    return Group(case.area, case.settings, case.name if case.alone else "")


def all_cases() -> list[Case]:
    return [read(path) for path in sorted(DIRECTORY.glob("*/*.yml"))]


def read(path: pathlib.Path) -> Case:
    given: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if line.startswith("#:"):
            name, _, value = line.removeprefix("#:").partition(":")
            given[name.strip()] = value.strip()
    unknown = given.keys() - set(PROPERTIES)
    if unknown:
        raise ValueError(f"{path}: no such property: {', '.join(unknown)}")
    return Case(
        path=path,
        transports=tuple(_words(given.get("transports", "ssh"))),
        more_transports=tuple(_words(given.get("more_transports", ""))),
        core=given.get("core", ""),
        needs=tuple(_words(given.get("needs", ""))),
        settings=tuple(_words(given.get("settings", ""))),
        alone="alone" in given,
    )


def _words(text: str) -> Iterable[str]:
    return (word.strip() for word in text.split(",") if word.strip())


def _is_core(wanted: str) -> bool:
    if not wanted:
        return True
    match = re.fullmatch(r"(>=|<)(\d+)\.(\d+)", wanted)
    if match is None:
        raise ValueError(f"no version of ansible-core: {wanted}")
    return (CORE >= (int(match[2]), int(match[3]))) == (match[1] == ">=")


def _is_there(need: str) -> bool:
    if need == "root":
        return True  # the fixture that makes the accounts tells
    if need.startswith("module "):
        look = ["/usr/bin/python3", "-c", f"import {need.removeprefix('module ')}"]
        return subprocess.run(look, stderr=subprocess.DEVNULL, timeout=30).returncode == 0
    return shutil.which(need) is not None
