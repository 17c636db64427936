"""Methods to start a slave: the command line of each, and those that other packages add."""

from __future__ import annotations

import os
import pathlib
import sys
import textwrap

import pytest

import econtext
from tests.support import containers

from . import routes


@pytest.mark.parametrize("method", routes.STUBS)
def test_the_command_line(method: str, router: econtext.Router, stubs: pathlib.Path) -> None:
    """As each program documents it, with a real Python behind it."""
    arguments, program, said = routes.STUBS[method]
    context = getattr(router, method)(**arguments, python=sys.executable)
    assert context.call(os.getpid) != os.getpid()
    assert (stubs / f"{program}.said").read_text(encoding="ascii").split() == said.split()


@pytest.mark.parametrize("method", routes.STUBS)
def test_through_a_slave(method: str, router: econtext.Router, stubs: pathlib.Path) -> None:
    """The command runs where the slave is."""
    arguments, _, _ = routes.STUBS[method]
    context = getattr(router.local(sys.executable), method)(**arguments, python=sys.executable)
    assert context.name.startswith(f"local.{method}.")
    assert context.call(os.getppid)


def test_a_container_of_podman(router: econtext.Router, tmp_path: pathlib.Path) -> None:
    with containers.podman(tmp_path) as name:
        assert_inside(router.podman(name, python=PYTHON), tmp_path)


def test_a_container_of_lxc(router: econtext.Router, tmp_path: pathlib.Path) -> None:
    with containers.lxc(tmp_path) as name:
        assert_inside(router.lxc(name, python=PYTHON), tmp_path)


def test_a_container_of_nspawn(router: econtext.Router, tmp_path: pathlib.Path) -> None:
    """By the number of a process in it."""
    with containers.nspawn(tmp_path) as pid:
        assert_inside(router.nsenter(pid, python=PYTHON), tmp_path)


#: The one that each container has.
PYTHON = "/usr/bin/python3"


def assert_inside(context: econtext.Context, directory: pathlib.Path) -> None:
    """It sees the container's root, and starts slaves there that see the same."""
    (directory / "root" / "mark").touch()
    for each in (context, context.local(PYTHON)):
        assert "mark" in each.call(os.listdir, "/")
        assert each.call(os.getpid) < os.getpid()


def test_a_name_that_is_an_option(router: econtext.Router) -> None:
    with pytest.raises(ValueError, match="'-x' is not the name of an account"):
        router.su("-x")


def test_what_su_leads_to_is_told(router: econtext.Router) -> None:
    """`nologin` refuses a login on standard output, where the marker is looked for."""
    routes.need_root()
    with pytest.raises(econtext.LaunchError, match="not available"):
        router.su("nobody")


def test_a_method_of_another_package(
    router: econtext.Router, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its entry point names a function that returns a launch."""
    (tmp_path / "nice_method.py").write_text(
        textwrap.dedent(
            """
            from econtext.boot import first_stage
            from econtext.controller.launch import Launch

            def launch(level, python=None):
                argv = ("nice", "-n", str(level), *first_stage.in_shell(python))
                return Launch(f"nice.{level}", argv)
            """
        )
    )
    found = tmp_path / "nice_method-1.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: nice-method\nVersion: 1\n")
    (found / "entry_points.txt").write_text("[econtext.methods]\nnice = nice_method:launch\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = os.nice(0)
    context = router.nice(level=5, python=sys.executable)
    assert (context.name, context.call(os.nice, 0)) == ("nice.5", min(19, before + 5))
    assert router.local(sys.executable).nice(3).name == "local.nice.3"


def test_a_method_that_nobody_has(router: econtext.Router) -> None:
    with pytest.raises(AttributeError, match="'Router' has no attribute 'teleport'"):
        router.teleport("far")
