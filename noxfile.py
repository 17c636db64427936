"""All tests of tests/unit, tests/process and tests/integration, the last over releases of
ansible-core, of the Python that it runs on, and of the Python on the target.

    nox                                    everything that there is an interpreter for
    nox -s "integration(2.16)"             one ansible-core, on each of its Pythons
    nox -s "integration(2.16)" -p 3.12     one of these
    nox -s "targets(2.16)"                 one ansible-core on one Python, all Pythons on the target
    nox -s library                         tests/unit and tests/process, with the newest one
    nox -- tests/integration/test_parity.py -k copy    arguments of pytest

Each session leaves its results in build/results, from which scripts/compatibility makes a table.
"""

from __future__ import annotations

import os
import pathlib
import sys

import nox

ROOT = pathlib.Path(__file__).resolve().parent
sys.path.append(str(ROOT))

from tests.process import pythons  # noqa: E402

# Each ansible-core with the Pythons that it says it runs on.
PYTHONS = {
    "2.16": ("3.10", "3.11", "3.12"),
    "2.17": ("3.10", "3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
}

NEWEST = list(PYTHONS)[-1]

# Processes, which take the tests as they come.
TWO = ("-n", "2")

nox.options.error_on_missing_interpreters = False  # skipped, and named
nox.options.stop_on_first_error = False

# nox looks for interpreters by name, and a version manager's stand-in may lead nowhere.
_real = [str(pathlib.Path(path).parent) for path in pythons.found().values()]
os.environ["PATH"] = os.pathsep.join([*_real, os.environ["PATH"]])


@nox.session
@nox.parametrize(
    ("python", "core"),
    [nox.param(python, core, id=core) for core, some in PYTHONS.items() for python in some],
)
def integration(session: nox.Session, core: str) -> None:
    """tests/integration with one release of ansible-core."""
    run(session, "integration", core, session.posargs or ["tests/integration"], {})


def first_found(some: tuple[str, ...]) -> str:
    """The oldest of these Pythons that is here; where none is, nox says so."""
    names = {f"{major}.{minor}" for major, minor in pythons.found()}
    return next((python for python in some if python in names), some[0])


@nox.session
@nox.parametrize(
    ("python", "core"),
    [nox.param(first_found(some), core, id=core) for core, some in PYTHONS.items()],
)
def targets(session: nox.Session, core: str) -> None:
    """Modules of each kind with each Python on the target that this ansible-core is for."""
    arguments = ["tests/integration/test_targets.py", *session.posargs]
    run(session, "targets", core, arguments, {"ECONTEXT_TEST_TARGETS": "all"})


@nox.session(python=first_found(PYTHONS[NEWEST]))
def library(session: nox.Session) -> None:
    """tests/unit and tests/process: what they test, ansible-core has little to do with."""
    session.install("hypothesis")
    run(session, "library", NEWEST, ["tests/unit", "tests/process", *session.posargs], {})


def run(
    session: nox.Session, name: str, core: str, arguments: list[str], env: dict[str, str]
) -> None:
    """Run pytest, and leave the results in a file of the session's own."""
    session.install(f"ansible-core=={core}.*", "pytest", "pytest-timeout", "pytest-xdist")
    results = ROOT / "build" / "results" / f"{name}-{core}-{session.python}.jsonl"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.unlink(missing_ok=True)
    env = {**env, "ECONTEXT_TEST_RESULTS": str(results), "ECONTEXT_TEST_ALL": "1"}
    session.run("python", "-m", "pytest", *TWO, *arguments, env=env)
