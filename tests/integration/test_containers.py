"""Containers: hosts that a collection's connection plugin reaches by a program of this machine.

The plugins are those of the community package.  chroot, nsenter, podman and LXC are real; scripts
take the place of the other programs, and run a real Python behind the plugin's real command.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from ansible_econtext.connection import containers
from ansible_econtext.core import known_plugins
from tests.support import collections
from tests.support import containers as programs
from tests.support.scale import more_of_a_kind

from .normalise import normalise
from .parity import differences
from .parity_cases import CORE
from .play import Result, play_of, run_play

PARTS = (
    "community/docker/plugins/connection",
    "community/docker/plugins/module_utils",
    "community/general/plugins/connection",
    "containers/podman/plugins/connection",
    "kubernetes/core/plugins/connection",
)


class Connection(NamedTuple):
    name: str
    #: What it is to reach, and further variables of the host.
    host: str = "c"
    variables: dict[str, Any] = {}
    is_real: bool = False
    #: Whether its fetches go the stock way.
    copies: bool = False

    @property
    def id(self) -> str:
        return f"{self.name.rpartition('.')[2]}{'-real' if self.is_real else ''}"


CONNECTIONS = [
    Connection("community.general.chroot", "/", is_real=True),
    Connection("community.docker.nsenter", "here", {"ansible_nsenter_pid": os.getpid()}, True),
    Connection("containers.podman.podman", "", {}, is_real=True, copies=True),
    Connection("community.general.lxc", "", {}, is_real=True),
    Connection("community.docker.docker", copies=True),
    Connection("community.general.incus", copies=True),
    Connection("community.general.jail"),
    Connection("community.general.lxd", copies=True),
    Connection("containers.podman.buildah", copies=True),
    Connection("containers.podman.podman", copies=True),
    Connection("kubernetes.core.kubectl"),
]

#: In each run: two that are real, and a builder of a command.
USUAL = {"chroot-real", "docker", "podman-real"}

Run = Callable[..., Result]


@pytest.fixture
def run(scratch: pathlib.Path) -> Iterator[Run]:
    """Run tasks by a connection, under a strategy."""
    plugins = collections.directory(*PARTS)
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with programs.stubs(scratch / "bin") as stubbed:

        def run(connection: Connection, strategy: str, *tasks: Any, **env: str) -> Result:
            return run_play(
                play_of(*tasks),
                directory=scratch / "run",
                strategy=strategy,
                inventory={
                    "ansible_connection": connection.name,
                    "ansible_host": connection.host,
                    "ansible_python_interpreter": "/usr/bin/python3",
                    **connection.variables,
                },
                env={
                    "ANSIBLE_COLLECTIONS_PATH": str(plugins),
                    **({} if connection.is_real else {"PATH": stubbed}),
                    **env,
                },
                extra_args=["-vvv"],
            )

        yield run


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize(
    "connection",
    [
        pytest.param(each, id=each.id, marks=() if each.id in USUAL else more_of_a_kind)
        for each in CONNECTIONS
    ],
)
def test_a_container_is_carried(
    connection: Connection, run: Run, scratch: pathlib.Path, strategy: str
) -> None:
    """And results are those of stock Ansible, the files' attributes too."""
    remote, fetched = scratch / "remote", scratch / "fetched"
    with contextlib.ExitStack() as stack:
        env = {}
        if connection.id == "lxc-real":
            env["PYTHONPATH"] = programs.lxc_bindings(scratch / "bindings")
        if not connection.host:
            begin = {"lxc-real": programs.lxc, "podman-real": programs.podman}[connection.id]
            name = stack.enter_context(begin(scratch / "container"))
            connection = connection._replace(host=name)
        tasks = [
            {"name": "directory", "file": {"path": str(remote), "state": "directory"}},
            {"name": "who", "shell": "id; pwd; echo $HOME; umask; ulimit -Sn"},
            {"name": "loop", "command": "echo {{ item }}", "loop": [1, 2]},
            {"name": "copy", "copy": {"content": "text", "dest": f"{remote}/copied"}},
            {"name": "again", "copy": {"content": "other", "dest": f"{remote}/copied"}},
            {"name": "mode", "file": {"path": f"{remote}/copied", "mode": "0640"}},
            {
                "name": "fetch",
                "fetch": {"src": f"{remote}/copied", "dest": f"{fetched}/", "flat": True},
            },
            {"name": "end", "file": {"path": str(remote), "state": "absent"}},
        ]
        ours = run(connection, strategy, *tasks, **env)
        our_mode = (fetched / "copied").stat().st_mode
        (fetched / "copied").unlink()
        stock = run(connection, "linear", *tasks, **env)
        assert our_mode == (fetched / "copied").stat().st_mode
    assert ours.rc == stock.rc == 0, f"{ours}\n{stock}"
    assert len(ours.tasks) == len(stock.tasks)
    for task in [*ours.tasks, *stock.tasks]:
        # What 2.21 says of a plugin's own imports: for each process that loads it.
        for result in (task.result, *task.result.get("results", ())):
            result.pop("deprecations", None)
    found = [
        difference
        for one, other in zip(ours.tasks, stock.tasks, strict=True)
        for difference in differences(one.task, normalise(one.result), normalise(other.result))
    ]
    assert not found, "\n".join(found)
    assert ours.stdout.count("EXEC module ansible.modules") >= 10
    ways = [line for line in ours.stdout.splitlines() if "econtext: the stock way" in line]
    assert len(ways) == connection.copies, "\n".join(ways)
    if CORE >= (2, 19) and connection.name in known_plugins.CONNECTIONS:
        assert ours.stdout.count("econtext: a process for the task") == connection.copies


@pytest.mark.usefixtures("ours")
def test_a_container_that_is_not_there_is_unreachable(run: Run, strategy: str) -> None:
    """And the program's own words say why."""
    ping = {"name": "ping", "ping": {}}
    said = "Error: no such container: c"
    result = run(Connection("community.docker.docker"), strategy, ping, GONE=said)
    assert result.one("ping").status == "unreachable", str(result)
    assert said in result.one("ping").result["msg"]


@pytest.mark.usefixtures("ours")
def test_a_container_whose_python_does_not_run_is_reachable(run: Run, strategy: str) -> None:
    """So that a task of `raw` can mend it."""
    variables = {"ansible_python_interpreter": "/usr/bin/false"}
    tasks = [
        {"name": "mend", "raw": "echo apt install python3"},
        {"name": "script", "script": "/bin/true"},
        {"name": "module", "command": "true"},
    ]
    docker = Connection("community.docker.docker", variables=variables)
    result = run(docker, strategy, *tasks)
    assert [task.status for task in result.tasks] == ["ok", "ok", "failed"], str(result)


@pytest.mark.usefixtures("ours")
def test_a_container_with_an_environment_for_its_program_goes_the_stock_way(
    run: Run, strategy: str
) -> None:
    """As it may hold secrets, which the command line of a slave's start would show."""
    variables = {"ansible_kubectl_local_env_vars": {"TOKEN": "t"}}
    kubectl = Connection("kubernetes.core.kubectl", variables=variables)
    result = run(kubectl, strategy, {"name": "ping", "ping": {}})
    assert result.rc == 0, str(result)
    assert "econtext: the stock way: kubectl gets an environment of its own" in result.stdout


@pytest.mark.usefixtures("ours")
def test_a_plugin_of_another_version_goes_the_stock_way(
    run: Run, scratch: pathlib.Path, strategy: str
) -> None:
    """One without what the mixin uses, as that of lxd before community.general 10."""
    part = "community/general/plugins/connection"
    plugin = pathlib.Path("ansible_collections", part, "lxd.py")
    text = (collections.directory(*PARTS) / plugin).read_text("utf-8")
    other = scratch / "other" / plugin
    other.parent.mkdir(parents=True)
    other.write_text(text.replace("_build_command", "_build_other"), encoding="utf-8")
    env = {"ANSIBLE_COLLECTIONS_PATH": str(scratch / "other")}
    lxd = Connection("community.general.lxd")
    result = run(lxd, strategy, {"name": "command", "command": "true"}, **env)
    assert result.rc == 0, str(result)
    reason = "this version of the plugin has no _build_command"
    assert f"econtext: the stock way: {reason}" in result.stdout


@pytest.fixture
def root(scratch: pathlib.Path) -> Iterator[pathlib.Path]:
    """A root directory with this machine's /usr, mounted there, and without /dev/null."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    made = scratch / "root"
    for name in ("dev", "root", "usr"):
        (made / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (made / name).symlink_to(f"usr/{name}")
    subprocess.run(["mount", "--bind", "/usr", str(made / "usr")], check=True, timeout=30)
    yield made
    subprocess.run(["umount", "-l", str(made / "usr")], stderr=subprocess.DEVNULL, timeout=30)


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("module", ["command", "script"])
def test_the_root_of_a_chroot_can_be_unmounted(
    module: str, run: Run, root: pathlib.Path, scratch: pathlib.Path, strategy: str
) -> None:
    """By a task behind those that ran there: no slave stays in it."""
    script = scratch / "script"
    script.write_text(f"#!/bin/sh\numount {root}/usr\n", encoding="utf-8")
    text = {"command": f"umount {root}/usr", "script": str(script)}[module]
    unmount = {module: text, "delegate_to": "localhost"}
    result = run(
        Connection("community.general.chroot", str(root), is_real=True),
        strategy,
        {"name": "inside", "command": "true"},
        {"name": "unmount", **unmount},
    )
    assert result.rc == 0, str(result)


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize(
    ("change", "undo"), [("rename {0} {0}x", "rename {0}x {0}"), ("pause {0}", "unpause {0}")]
)
def test_a_container_that_was_renamed_or_paused_cannot_be_entered(
    change: str, undo: str, run: Run, scratch: pathlib.Path, strategy: str
) -> None:
    """No slave stays in it, as another may have its name, and a paused one does not answer."""
    with programs.podman(scratch / "container") as name:
        result = run(
            Connection("containers.podman.podman", name, is_real=True),
            strategy,
            {"name": "before", "command": "true"},
            {
                "name": "change",
                "command": f"podman {change.format(name)}",
                "delegate_to": "localhost",
            },
            {"name": "behind", "command": "true", "timeout": 30, "ignore_unreachable": True},
            {"name": "undo", "command": f"podman {undo.format(name)}", "delegate_to": "localhost"},
        )
    statuses = [task.status for task in result.tasks]
    assert statuses == ["ok", "ok", "unreachable", "ok"], str(result)


@pytest.mark.usefixtures("ours")
def test_nothing_is_left_in_a_chroot_when_a_run_has_ended(
    run: Run, root: pathlib.Path, strategy: str
) -> None:
    """The broker stays for the next run, and a user may unmount at once."""
    chroot = Connection("community.general.chroot", str(root), is_real=True)
    ping = {"name": "ping", "ping": {}}
    result = run(chroot, strategy, ping, ANSIBLE_ECONTEXT_PERSIST="20")
    assert result.rc == 0, str(result)
    unmount = ["umount", str(root / "usr")]
    assert subprocess.run(unmount, capture_output=True, timeout=30).stderr == b""


def test_each_mixin_is_known_to_the_check_of_plugins() -> None:
    """The plugin of jails starts a process as soon as it is made: its tasks are forked."""
    assert set(containers.MIXINS) - {"community.general.jail"} == known_plugins.CONNECTIONS
