"""Fixtures: routers, and the slaves that tests share."""

from __future__ import annotations

import importlib
import logging
import os
import pathlib
import shutil
import sys
from collections.abc import Callable, Iterator

import pytest

import econtext
from econtext.controller.call_session import CallSession
from tests.support import accounts, processes, sshd
from tests.support.accounts import Account
from tests.support.scale import parameters
from tests.support.sshd import Sshd

from . import routes, waiting
from .routes import Route

#: What the sshd says before anybody is let in.
BANNER = "A banner of the host: your Password: is not asked for here\n"

#: A package that all routers of the tests offer to targets, made by `many`.
MANY, MANY_NUMBERS = "many_of_tests", range(20)


@pytest.fixture(scope="session", autouse=True)
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A package of many modules, for imports at the same time."""
    directory = tmp_path_factory.mktemp("many")
    package = directory / MANY
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="ascii")
    for number in MANY_NUMBERS:
        path = package / f"m{number}.py"
        path.write_text(f"NUMBER = {number}\n", encoding="ascii")
    sys.path.insert(0, str(directory))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(directory))


@pytest.fixture(autouse=True)
def no_internal_error(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The loop outlives a fault of ours, and logs it: no test may cause one unseen."""
    caplog.set_level(logging.INFO, "econtext")
    yield
    faults = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name == "econtext" and record.levelno >= logging.ERROR
    ]
    assert not faults


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    """What was started to run for ever ends with its test, also with one that failed."""
    yield
    waiting.end_all()


@pytest.fixture
def router() -> Iterator[econtext.Router]:
    """A router of the test's own; at its end nothing that it started is left."""
    before = processes.children()
    with econtext.Router(offer=[MANY]) as made:
        yield made
        started = processes.since(before)
    processes.gone(started, 5)


#: Python 3.6 has what the oldest has not, and has not what the newest has; each of it is shown by
#: one of the two, and test_conformance.py goes by it too.
ALWAYS = set(routes.pythons.MATRIX) - {"3.6"}


@pytest.fixture(params=parameters(routes.pythons.MATRIX, ALWAYS))
def python(request: pytest.FixtureRequest) -> str:
    """The path of each interpreter of the matrix."""
    return routes.python(request.param)


@pytest.fixture(scope="session")
def sshd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    if sshd.BINARY is None or not shutil.which("ssh-keygen") or not shutil.which("ssh"):
        pytest.skip("needs ssh, sshd and ssh-keygen")
    directory = tmp_path_factory.mktemp("sshd")
    (directory / "banner").write_text(BANNER, encoding="ascii")
    more = (
        "PasswordAuthentication yes\n"
        "PermitRootLogin prohibit-password\n"
        f"Banner {directory}/banner\n"
    )
    with sshd.running_sshd(directory, more) as running:
        # An account that logs in reads its key below, and pytest's directory is closed to it.
        yield running


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    """An account with a password, which sudo asks for."""
    if os.geteuid() != 0 or not shutil.which("sudo") or not shutil.which("useradd"):
        pytest.skip("needs root, sudo and useradd: makes a throwaway account")
    with accounts.removed_at_the_end("asked"):
        yield accounts.made_with_password("asked")


@pytest.fixture(scope="session")
def stub_directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("stubs")


@pytest.fixture
def stubs(stub_directory: pathlib.Path) -> Iterator[pathlib.Path]:
    """The directory of the scripts that take the place of programs (`routes.STUBS`)."""
    with routes.stubs(stub_directory):
        yield stub_directory


@pytest.fixture(autouse=True)
def stubs_of_a_route(request: pytest.FixtureRequest) -> None:
    """The scripts are in front of all programs for tests of a route by one, and for no others."""
    given = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    if str(given.get("route", "")).startswith("stub"):
        request.getfixturevalue("stubs")


@pytest.fixture(scope="session", params=parameters(routes.NAMES, routes.ALWAYS))
def route(request: pytest.FixtureRequest) -> Route:
    """Each route to a slave."""
    return routes.make(request.param, lambda: request.getfixturevalue("sshd_server"))


@pytest.fixture(scope="session")
def shared() -> Iterator[Callable[[Route], econtext.Context]]:
    """Slaves that stay between tests, as they do in use: one for each route."""
    contexts: dict[str, econtext.Context] = {}
    with econtext.Router(offer=[MANY]) as router:

        def get(route: Route) -> econtext.Context:
            try:
                contexts[route.name].call(os.getpid)
            except (KeyError, econtext.EcontextError):  # not yet, or a test has broken it
                contexts[route.name] = route.open(router)
            return contexts[route.name]

        yield get


@pytest.fixture
def context(route: Route, shared: Callable[[Route], econtext.Context]) -> econtext.Context:
    """A slave by each route, shared with other tests: it must be left as it was found."""
    return shared(route)


@pytest.fixture
def session(context: econtext.Context) -> Iterator[CallSession]:
    """A call session of the test's own, which the test may break."""
    with context.session() as begun:
        yield begun


@pytest.fixture
def fresh(route: Route, router: econtext.Router) -> econtext.Context:
    """A slave by each route, which the test may break."""
    return route.open(router)


@pytest.fixture
def open_directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A directory that every account can write to."""
    path = tmp_path_factory.mktemp("open")
    for each in (path, *path.parents):
        if each == pathlib.Path("/tmp"):
            break
        each.chmod(0o755)
    path.chmod(0o777)
    return path
