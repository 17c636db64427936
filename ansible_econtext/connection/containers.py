"""Carried connections into containers, by programs of this machine: docker, kubectl, chroot, ….

Each is a mixin in front of a collection's connection plugin and says how that plugin runs a
command, with the plugin's own options and its own builder where it has one.
"""

import contextlib
import os
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.process import get_bin_path
from ansible.module_utils.common.text.converters import to_text
from ansible.utils.path import unfrackpath

from ansible_econtext.client import route
from ansible_econtext.connection.carried_connection import CarriedConnection
from ansible_econtext.core import fork_gate, plugins
from ansible_econtext.pipeline import slot
from econtext.boot import first_stage


class CarriedContainer(CarriedConnection):
    """Base of the mixins: a program of this machine starts the slave.

    The stock plugins connect where they run a command, which costs some of them a process.
    """

    #: Whether the program leads over a network.
    _econtext_is_network = False
    #: Attributes of the plugin that the mixin uses: another version, or a fork, may lack them.
    _econtext_uses: tuple[str, ...] = ()
    #: Whether the plugin fetches files by its program's own copy, with modes of its own.
    _econtext_copies = False

    def _econtext_begin(self, arguments: dict[str, Any]) -> None:
        super()._econtext_begin(arguments)
        if self._econtext is not None:
            self._econtext.check_host = self._econtext_check_host

    @property
    def has_pipelining(self) -> bool:
        """Whether a module comes as a whole; 2.16 to 2.18 ask besides the option."""
        return self._econtext_carries() or bool(super().has_pipelining)

    def close(self) -> None:
        if self._connected:
            super().close()
        elif self._econtext is not None:
            self._econtext.close()

    def set_options(self, *args: Any, **kwargs: Any) -> None:
        super().set_options(*args, **kwargs)
        if self._econtext is not None and (reason := self._econtext_why_not()):
            self._econtext.say(f"the stock way: {reason}")
            self._econtext = None

    def _econtext_why_not(self) -> str:
        """Return why this container goes the stock way, by its options; "" if it does not."""
        missing = [name for name in self._econtext_uses if not hasattr(self, name)]
        return f"this version of the plugin has no {missing[0]}" if missing else ""

    def _econtext_check_host(self) -> None:
        """Raise AnsibleConnectionFailure if the container cannot be entered the stock way.

        The program's exit status does not tell that from a Python that does not run.
        """
        slot.wait_until_active()
        if fork_gate.can_move():
            fork_gate.move("the stock way")
        with fork_gate.waiting():
            stock = super(CarriedConnection, self).exec_command
            status, _, said = stock("/bin/sh -c true", sudoable=False)
        if status != 0:
            raise AnsibleConnectionFailure(f"Failed to enter the container: {to_text(said)}")

    def _econtext_connect(self) -> None:
        """Do nothing: the stock way connects itself."""

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        """Return the plugin's command line for a shell command."""
        raise NotImplementedError

    def _econtext_stock_fetch(self) -> str:
        return "its program copies files itself" if self._econtext_copies else ""

    def _econtext_identity(self) -> str:
        """Return what differs if there is another container of this name now."""
        return ""

    def _econtext_make_hop(self, pythons: list[str]) -> route.Hop:
        name = f"{self.transport.rpartition('.')[2]}.{self._play_context.remote_addr}"
        command = first_stage.command(pythons)
        argv = [to_text(word) for word in self._econtext_argv(command)]
        key = "\0".join([*argv, self._econtext_identity()]).replace(command, "")
        return route.container_hop(name, argv, key, pythons, self._econtext_is_network)

    def _econtext_shell(self, command: str) -> list[str]:
        """Return the shell's arguments for a command, as most plugins have them."""
        return [self._play_context.executable, "-c", command]

    def _econtext_remote_path(self, path: str) -> str:
        prefix = getattr(self, "_prefix_login_path", None)
        return to_text(prefix(to_text(path)) if prefix is not None else path)


class CarriedChroot(CarriedContainer):
    """Mixin for `community.general.chroot`.  Source: `_buffered_exec_command`, 9 to 11."""

    _econtext_uses = ("chroot",)
    chroot: str
    chroot_cmd: str

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        self._connect()  # which finds the program, and starts none
        return [self.chroot_cmd, self.chroot, self.get_option("executable"), "-c", command]

    def _econtext_identity(self) -> str:
        status = os.stat(self.chroot)
        return f"{status.st_dev}.{status.st_ino}"


class CarriedDocker(CarriedContainer):
    """Mixin for `community.docker.docker`.  Source: `_build_exec_cmd`, 3 to 4."""

    _econtext_copies = True

    _econtext_uses = ("_set_conn_data", "_build_exec_cmd")
    _set_conn_data: Callable[[], None]
    _build_exec_cmd: Callable[[list[str]], list[str | bytes]]

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        if plugins.option(self, "working_dir") is not None and fork_gate.can_move():
            fork_gate.move("docker's version")  # which the plugin asks for then
        self._set_conn_data()
        return self._build_exec_cmd(self._econtext_shell(command))


class CarriedNsenter(CarriedContainer):
    """Mixin for `community.docker.nsenter`.  Source: `exec_command`, 3 to 4."""

    _econtext_uses = ("cwd",)
    cwd: str | None
    _NAMESPACES = ("--ipc", "--mount", "--net", "--pid", "--uts", "--preserve-credentials")

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        target = f"--target={self.get_option('nsenter_pid')}"
        return ["nsenter", *self._NAMESPACES, target, "--", "/bin/sh", "-c", command]

    def _econtext_identity(self) -> str:
        # Another process may have the number by now.
        with contextlib.suppress(OSError):  # there is none: nsenter says so
            return os.readlink(f"/proc/{self.get_option('nsenter_pid')}/ns/mnt")
        return ""

    def _econtext_path(self, path: str) -> str:
        return str(unfrackpath(path, basedir=self.cwd))


class CarriedPodman(CarriedContainer):
    """Mixin for `containers.podman.podman`.  Source: `_podman` and `exec_command`, 1.10 to 1.16."""

    _econtext_copies = True

    _econtext_uses = ("user", "_container_id")
    user: str | None
    _container_id: str

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        name = self.get_option("podman_executable")
        try:
            program = get_bin_path(name)
        except ValueError:
            raise AnsibleError(f"{name} command not found in PATH") from None
        extra = shlex.split(self.get_option("podman_extra_args") or "")
        user = ["--user", self.user] if self.user else []
        shell = ["/bin/sh", "-c", command]
        return [program, *extra, "exec", "-i", *user, self._container_id, *shell]


class CarriedBuildah(CarriedPodman):
    """Mixin for `containers.podman.buildah`.  Source: `_buildah`, 1.10 to 1.16."""

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        user = ["--user", self.user] if self.user and self.user != "root" else []
        return ["buildah", "run", *user, self._container_id, "/bin/sh", "-c", command]


class CarriedKubectl(CarriedContainer):
    """Mixin for `kubernetes.core.kubectl`.  Source: `_build_exec_cmd`, 3 to 5."""

    _econtext_is_network = True

    _econtext_uses = ("_build_exec_cmd",)
    _build_exec_cmd: Callable[[list[str]], tuple[list[str], list[str]]]

    def _econtext_why_not(self) -> str:
        if plugins.option(self, "kubectl_local_env_vars"):
            return "kubectl gets an environment of its own"
        if isinstance(plugins.option(self, "kubectl_kubeconfig"), dict):
            return "the plugin writes its configuration for each command"
        return super()._econtext_why_not()

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        return self._build_exec_cmd(self._econtext_shell(command))[0]


class CarriedJail(CarriedContainer):
    """Mixin for `community.general.jail`.  Source: `_buffered_exec_command`, 9 to 11."""

    _econtext_uses = ("jail", "jexec_cmd")
    jail: str
    jexec_cmd: str

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        user = self._play_context.remote_user
        flags, home = (["-U", user], f"HOME=~{user} ") if user is not None else ([], "")
        return [self.jexec_cmd, *flags, self.jail, *self._econtext_shell(home + command)]


class CarriedLxc(CarriedContainer):
    """Mixin for `community.general.lxc`, whose library attaches as this program of LXC does.

    Source: `exec_command`, 9 to 11.
    """

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        name, shell = self.get_option("remote_addr"), self.get_option("executable")
        return ["lxc-attach", "--clear-env", "-n", name, "--", shell, "-c", command]


class CarriedLxd(CarriedContainer):
    """Mixin for `community.general.lxd` and `incus`.  Source: `_build_command`, 10 to 11."""

    _econtext_copies = True

    _econtext_uses = ("_build_command",)
    _build_command: Callable[[str], list[str]]

    def _econtext_argv(self, command: str) -> Sequence[str | bytes]:
        return self._build_command(command)


#: Mixins by the full names of the plugins.
MIXINS: dict[str, type[Any]] = {
    "community.docker.docker": CarriedDocker,
    "community.docker.nsenter": CarriedNsenter,
    "community.general.chroot": CarriedChroot,
    "community.general.incus": CarriedLxd,
    "community.general.jail": CarriedJail,
    "community.general.lxc": CarriedLxc,
    "community.general.lxd": CarriedLxd,
    "containers.podman.buildah": CarriedBuildah,
    "containers.podman.podman": CarriedPodman,
    "kubernetes.core.kubectl": CarriedKubectl,
}
