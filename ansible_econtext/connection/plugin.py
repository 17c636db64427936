"""The connection plugin: a stock one that hands what it recognises to a session.

`carried(stock)` makes, of the class of a stock connection plugin, one that does
the same through a slave.  What is not recognised goes the stock way, through the
methods of the stock class, and `-vvv` says so.
"""

import os
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.utils.path import unfrackpath

from ansible_econtext.client import route
from ansible_econtext.connection import become, errors, recording, shell
from ansible_econtext.connection.session import Session
from ansible_econtext.core import commands, fork_gate, plugins, run, versions
from ansible_econtext.payload import build_cache

#: Bytes of a file that travels with the next request rather than by itself; of a module's file.
SMALL_FILE = 65536
LARGEST_MODULE = 8 * 1024 * 1024


class CarriedConnection:
    """In front of a stock connection class, whose names it must not touch:
    all but Ansible's own methods begin with `_econtext`."""

    has_pipelining = True

    _shell: Any
    _connected: bool

    #: The process of the run, where a strategy of ours knows it.
    econtext_run: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._econtext: Session | None = None
        #: Steps that lead to the host, by the Pythons to look for, as long as no option changes.
        self._econtext_steps: dict[tuple[str, ...], route.Hop] = {}
        self._econtext_stock = False  # whether the stock way is being gone just now
        self._econtext_uploads = False  # whether the user wants modules to be uploaded
        self._econtext_tells = False  # whether options are read for a task's variables just now
        with versions.stock_if_unknown():
            self._econtext_begin(kwargs)

    def _econtext_begin(self, arguments: dict[str, Any]) -> None:
        if getattr(self._shell, "_IS_WINDOWS", False) or not plugins.is_known_shell(self._shell):
            return
        # The parent is told by a worker to its connection; a thread's would be the wrong one.
        run_process = self.econtext_run or int(arguments.get("ansible_playbook_pid") or os.getpid())
        host = self._play_context.remote_addr  # type: ignore[attr-defined]
        shell_plugin = recording.specialise(self._shell, shell.RecordingShell)
        self._econtext = Session(self._econtext_kept_step, host, run_process)
        self._shell = shell_plugin

    # Options

    def set_become_plugin(self, plugin: Any) -> None:
        if plugin is not None and self._econtext is not None and become.is_carried(plugin):
            plugin = recording.specialise(plugin, become.RecordingBecome)
        super().set_become_plugin(plugin)  # type: ignore[misc]

    # A module is to come as a whole, on what would be Python's standard input.  ansible-core
    # asks for the option up to 2.18, and later calls the method; each time it is about to
    # build a payload, which takes long enough to start a slave meanwhile.

    def get_option(self, option: str, *args: Any, **kwargs: Any) -> Any:
        if option == "pipelining" and not self._econtext_tells and self._econtext_carries():
            self._econtext_prepare()
            return True
        return super().get_option(option, *args, **kwargs)  # type: ignore[misc]

    def update_vars(self, variables: dict[str, Any]) -> None:
        """A task without a module asks too: it gets the user's value, and needs no slave."""
        self._econtext_tells = True
        try:
            super().update_vars(variables)  # type: ignore[misc]
        finally:
            self._econtext_tells = False

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        if self._econtext_carries():
            self._econtext_prepare()
            return not wrap_async and not run.keeps_remote_files()
        return super().is_pipelining_enabled(wrap_async)  # type: ignore[misc]

    def _resolve_option_variables(self, variables: dict[str, Any], templar: Any) -> Any:
        self._econtext_hear(variables, templar)
        return super()._resolve_option_variables(variables, templar)  # type: ignore[misc]

    def _econtext_hear(self, variables: dict[str, Any], templar: Any) -> None:
        """What a task knows of its host."""
        if self._econtext is not None:
            with versions.stock_if_unknown():
                pythons = commands.interpreters(variables, templar)
                self._econtext.pythons = [self._shell.spelled(python) for python in pythons]

    def set_option(self, *args: Any, **kwargs: Any) -> None:
        super().set_option(*args, **kwargs)  # type: ignore[misc]
        self._econtext_steps = {}

    def set_options(self, *args: Any, **kwargs: Any) -> None:
        super().set_options(*args, **kwargs)  # type: ignore[misc]
        self._econtext_steps = {}
        if self._econtext is not None:
            self._econtext.retries = self._econtext_retries()
            self._econtext.become_timeout = plugins.become_timeout(self)
            self._econtext_uploads = plugins.is_pipelining_refused(self, *args, **kwargs)

    # What Ansible calls

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        stock = super().exec_command  # type: ignore[misc]
        if self._econtext is None:
            fork_gate.move("the stock way")
            return stock(cmd, in_data=in_data, sudoable=sudoable)  # type: ignore[no-any-return]
        if not self._connected:  # type: ignore[attr-defined]
            self._connect()  # type: ignore[attr-defined]
        executable, command = commands.without_executable(cmd, self._shell)
        plugin: Any = getattr(self, "become", None)
        wrapped = getattr(plugin, "wrapped", {}).get(command)
        note = self._econtext_note(command if wrapped is None else wrapped, executable)
        if note is None and commands.is_discovery_script(in_data):
            program = shell.Program(executable or "/bin/sh", "", command, template=command)
            note = shell.Module(command, {}, "", program)
        try:
            if note is not None and not self._econtext.has_shell(executable):
                note = None
            result = self._econtext.perform(
                note,
                command,
                in_data,
                plugin if wrapped is not None else None,
                self._econtext_directory(),
            )
            reason = "econtext does not know what it is for"
        except errors.NoPython as error:
            result, reason = None, str(error)
        if result is not None:
            return result
        return self._econtext_go(f"a command: {reason}", stock, cmd, in_data, sudoable)  # type: ignore[no-any-return]

    def put_file(self, in_path: str, out_path: str) -> Any:
        stock = super().put_file  # type: ignore[misc]
        if self._econtext is None:
            fork_gate.move("the stock way")
            return stock(in_path, out_path)
        local, remote = self._econtext_local(in_path), self._econtext_remote(out_path)
        is_of_module = shell.is_of_module(to_text(out_path)) and self._econtext_runs_programs()
        limit = LARGEST_MODULE if is_of_module else SMALL_FILE
        try:
            self._econtext.put(local, remote, out_path, limit)
        except errors.NoPython as error:
            return self._econtext_go(f"put_file: {error}", stock, in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> Any:
        stock = super().fetch_file  # type: ignore[misc]
        if self._econtext is None:
            fork_gate.move("the stock way")
            return stock(in_path, out_path)
        remote, local = self._econtext_remote(in_path), self._econtext_local(out_path)
        try:
            self._econtext.fetch(remote, local)
        except errors.NoPython as error:
            return self._econtext_go(f"fetch_file: {error}", stock, in_path, out_path)

    def reset(self) -> None:
        if self._econtext is not None:
            self._econtext.reset()
        super().reset()  # type: ignore[misc]

    def close(self) -> None:
        if self._econtext is not None:
            self._econtext.close()
        super().close()  # type: ignore[misc]

    # Ours

    def _econtext_go(self, what: str, stock: Any, *arguments: Any) -> Any:
        """Go the stock way, after what waits to be done."""
        assert self._econtext is not None
        self._econtext.say(f"the stock way for {what}")
        try:
            self._econtext.before_stock()
        except errors.NoPython as error:
            raise AnsibleError(f"econtext cannot make files on the target: {error}") from error
        if fork_gate.can_move():
            fork_gate.move("the stock way")  # which starts processes, and waits for them
        self._econtext_stock = True
        try:
            with fork_gate.waiting():
                return stock(*arguments)
        finally:
            self._econtext_stock = False

    def _econtext_note(self, command: str, executable: str) -> shell.Note | None:
        """What a command is for."""
        note: shell.Note | None = self._shell.note_of(command)
        if note is None and commands.is_discovery(command):
            return shell.Command()
        if isinstance(note, shell.Share) and not self._econtext_runs_programs():
            return shell.Command()
        if isinstance(note, shell.Program):
            known = executable == note.shell and self._econtext_runs_programs()
            return note if known else None
        return note

    def _econtext_runs_programs(self) -> bool:
        """Whether modules that come as files are run without these."""
        return self._econtext_carries() and not run.keeps_remote_files()

    def _econtext_carries(self) -> bool:
        """Whether modules go to a slave, as the user that the task asks for."""
        plugin: Any = getattr(self, "become", None)
        ours = plugin is None or isinstance(plugin, become.RecordingBecome)
        stock = self._econtext_stock or self._econtext_uploads
        return self._econtext is not None and not stock and ours

    def _econtext_prepare(self) -> None:
        assert self._econtext is not None
        self._econtext.prepare()

    def _econtext_kept_step(self, pythons: list[str]) -> route.Hop:
        key = tuple(pythons)
        if key not in self._econtext_steps:
            self._econtext_steps[key] = self._econtext_step(pythons)
        return self._econtext_steps[key]

    def _econtext_step(self, pythons: list[str]) -> route.Hop:
        raise NotImplementedError

    def _econtext_retries(self) -> int:
        return 0

    def _econtext_directory(self) -> str | None:
        return None

    def _econtext_local(self, path: str) -> str:
        return to_text(path)

    _econtext_remote = _econtext_local


class CarriedSSH(CarriedConnection):
    """In front of ansible-core's ssh plugin."""

    def _econtext_step(self, pythons: list[str]) -> route.Hop:
        argv, password = plugins.ssh_command(self), plugins.ssh_password(self)
        prompt = plugins.ssh_password_prompt(self)
        return route.ssh_hop(self.host, argv, password, prompt, pythons)  # type: ignore[attr-defined]

    def _econtext_retries(self) -> int:
        return int(self.get_option("reconnection_retries") or 0)


class CarriedLocal(CarriedConnection):
    """In front of ansible-core's local plugin, whose paths and commands start at `cwd`."""

    def _econtext_step(self, pythons: list[str]) -> route.Hop:
        return route.local_hop(pythons)

    def _econtext_directory(self) -> str | None:
        directory = getattr(self, "cwd", None)
        return to_text(directory) if directory else None

    def _econtext_local(self, path: str) -> str:
        return str(unfrackpath(path, basedir=self._econtext_directory()))

    _econtext_remote = _econtext_local


_MIXINS = {"ssh": CarriedSSH, "local": CarriedLocal}

_carried: dict[type, type] = {}


def carried(stock: type) -> type | None:
    """The class that carries a stock one; None where we have none for it."""
    if stock not in _carried:
        versions.warn_of_unknown_version()
        with versions.stock_if_unknown():
            build_cache.keep()
            plugins.tell_of_variables()
        mixin = _MIXINS.get(getattr(stock, "transport", ""))
        if mixin is None or not plugins.is_core_connection(stock):
            return None  # not of our kind, or carried by itself
        _carried[stock] = type("Connection", (mixin, stock), {})
    return _carried[stock]
