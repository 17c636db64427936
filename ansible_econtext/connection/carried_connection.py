"""Mixin for a stock connection plugin, which hands the commands that it knows to a session.

A command that is not recognised goes the stock way, through the methods of the stock class, and
`-vvv` says so.

A connection is for one thread at a time: that of its task.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_text

from ansible_econtext.client import route
from ansible_econtext.connection import become, errors, recording, shell
from ansible_econtext.connection.session import Session
from ansible_econtext.core import commands, fork_gate, plugins, run, versions
from ansible_econtext.core.stock_classes import StockConnection

#: Bytes up to which a file travels with the next request, and up to which a module's file does.
SMALL_FILE = 65536
LARGEST_MODULE = 8 * 1024 * 1024


class CarriedConnection(StockConnection):
    """Mixin for a stock connection class.

    All names but Ansible's own begin with `_econtext`, so as to touch none of the stock class.
    """

    #: The process number of the run; None unless the strategy set it.
    econtext_run: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._econtext: Session | None = None
        #: Hops to the host by the Pythons to look for; emptied when an option changes.
        self._econtext_hops: dict[tuple[str, ...], route.Hop] = {}
        #: Hops to its bastion, if it is behind one.
        self._econtext_before: route.Route = []
        self._econtext_variables: dict[str, Any] = {}  # the task's
        self._econtext_stock = False  # whether a stock method is running
        self._econtext_uploads = False  # whether the user wants modules to be uploaded
        self._econtext_tells = False  # whether options are being read for a task's variables
        self._econtext_via = ""  # the name of its bastion
        with versions.stock_if_unknown():
            self._econtext_begin(kwargs)

    def _econtext_begin(self, arguments: dict[str, Any]) -> None:
        if getattr(self._shell, "_IS_WINDOWS", False) or not plugins.is_known_shell(self._shell):
            return
        # A worker tells its connection the parent; in a thread that is the wrong process.
        run_process = self.econtext_run or int(arguments.get("ansible_playbook_pid") or os.getpid())
        host = self._play_context.remote_addr
        kind = shell.RecordingShell
        shell_plugin = recording.specialise(self._shell, kind, notes={}, environments={})
        self._econtext = Session(self._econtext_route, host, run_process)
        self._shell = shell_plugin

    # Options

    def set_become_plugin(self, plugin: Any) -> None:
        if plugin is not None and self._econtext is not None:
            plugin = self._econtext_become(plugin)
        super().set_become_plugin(plugin)

    # With pipelining a module comes as a whole, as the standard input of a Python.  ansible-core
    # reads the option up to 2.18, and later calls the method; each time it is about to build a
    # payload, which takes long enough to start a slave meanwhile.

    def get_option(self, option: str, *args: Any, **kwargs: Any) -> Any:
        if option == "pipelining" and not self._econtext_tells and self._econtext_carries():
            self._econtext_prepare()
            return True
        return super().get_option(option, *args, **kwargs)

    def update_vars(self, variables: dict[str, Any]) -> None:
        """Put the options into a task's variables: the user's values, without starting a slave.

        ansible-core calls this for tasks without a module too.
        """
        self._econtext_tells = True
        try:
            super().update_vars(variables)
        finally:
            self._econtext_tells = False

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        if self._econtext_carries():
            self._econtext_prepare()
            return not wrap_async and not run.keeps_remote_files()
        return super().is_pipelining_enabled(wrap_async)

    def _resolve_option_variables(self, variables: dict[str, Any], templar: Any) -> Any:
        self._econtext_take_variables(variables, templar)
        return super()._resolve_option_variables(variables, templar)

    def _econtext_take_variables(self, variables: dict[str, Any], templar: Any) -> None:
        """Take from a task's variables what is no option of the stock plugin."""
        self._econtext_variables = variables
        with versions.stock_if_unknown():
            self._econtext_via = commands.via(variables, templar)
            if self._econtext is not None:
                pythons = commands.interpreters(variables, templar)
                self._econtext.pythons = [self._shell.spelled(python) for python in pythons]
                self._econtext.wants_terminal = commands.wants_terminal(variables, templar)

    def set_option(self, *args: Any, **kwargs: Any) -> None:
        super().set_option(*args, **kwargs)
        self._econtext_hops = {}

    def set_options(self, *args: Any, **kwargs: Any) -> None:
        super().set_options(*args, **kwargs)
        given = kwargs.get("var_options") or {}
        if "hostvars" in given:  # a reset gives all of a task's variables, as they are, up to 2.18
            self._econtext_variables = given
            self._econtext_via = commands.via(given)
        self._econtext_hops = {}
        if self._econtext is not None:
            self._econtext.retries = plugins.retries(self)
            self._econtext.term = plugins.term(self)
            self._econtext.become_timeout = plugins.become_timeout(self)
            self._econtext_uploads = plugins.is_pipelining_refused(self, *args, **kwargs)
        self._econtext_before = self._econtext_bastions(kwargs) if self._econtext_via else []
        if self._econtext_before and self._econtext is None:
            name = plugins.plugin_name(self._shell)
            raise AnsibleError(f"econtext_via leads to no host with the shell plugin {name}")

    # Methods that ansible-core calls

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        stock = super().exec_command
        if self._econtext is None:
            fork_gate.move("the stock way")
            return stock(cmd, in_data=in_data, sudoable=sudoable)
        self._econtext_connect()
        executable, command = commands.without_executable(cmd, self._shell)
        self._econtext.directory = self._econtext_directory()
        made = getattr(self.become, "wrapped", {})
        wrapped = made.get(command, made.get(cmd))  # `raw` has no shell around become's command
        note = self._econtext_note(command if wrapped is None else wrapped, executable)
        if note is None and commands.is_discovery_script(in_data):
            program = shell.ProgramNote(executable or "/bin/sh", "", command, template=command)
            note = shell.ModuleNote(command, {}, "", program)
        try:
            if note is not None and not self._econtext.has_shell(executable):
                note = None
            plugin = self.become if wrapped is not None else None
            result = self._econtext.perform(note, command, in_data, plugin)
            if result is None and self._econtext_before:
                unknown = cmd if wrapped is None else wrapped
                result = self._econtext.run_unknown(unknown, in_data, plugin)
            reason = "econtext does not know what it is for"
        except errors.NoPython as error:
            result, reason = None, str(error)
        if result is not None:
            return result
        what = f"a command: {reason}"
        return self._econtext_go(what, stock, cmd, in_data, sudoable, command=command)

    def put_file(self, in_path: str, out_path: str) -> Any:
        stock = super().put_file
        if self._econtext is None:
            fork_gate.move("the stock way")
            return stock(in_path, out_path)
        local, remote = self._econtext_path(in_path), self._econtext_remote_path(out_path)
        limit = SMALL_FILE if shell.is_temporary(to_text(out_path)) else -1
        if shell.is_of_module(to_text(out_path)) and self._econtext_runs_programs():
            limit = LARGEST_MODULE
        mode = functools.partial(plugins.mode_of_put, self)
        try:
            self._econtext.put(local, remote, out_path, limit, mode)
        except errors.NoPython as error:
            return self._econtext_go(f"put_file: {error}", stock, in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> Any:
        stock = super().fetch_file
        if self._econtext is None:
            fork_gate.move("the stock way")
            return stock(in_path, out_path)
        remote, local = self._econtext_remote_path(in_path), self._econtext_path(out_path)
        reason = self._econtext_stock_fetch()
        if reason:
            return self._econtext_go(f"fetch_file: {reason}", stock, in_path, out_path)
        try:
            self._econtext.fetch(remote, local, functools.partial(plugins.mode_by_transfer, self))
        except errors.NoPython as error:
            return self._econtext_go(f"fetch_file: {error}", stock, in_path, out_path)

    def reset(self) -> None:
        if self._econtext is not None:
            self._econtext.reset()
        super().reset()

    def close(self) -> None:
        if self._econtext is not None:
            self._econtext.close()
        super().close()

    # Methods of econtext

    def _econtext_connect(self) -> None:
        if not self._connected:
            self._connect()

    def _econtext_stock_fetch(self) -> str:
        """Return why a file is fetched the stock way; "" if it is not."""
        return plugins.special_transfer(self)

    def _econtext_go(
        self, what: str, stock: Callable[..., Any], *arguments: Any, command: str = ""
    ) -> Any:
        """Return what a stock method returns, called after the deferred operations are done.

        Raises AnsibleError if these need a slave and the host has no Python, or if the host is
        behind a bastion, and Moved in a thread whose task goes on in a fork (`fork_gate.move`).
        """
        assert self._econtext is not None
        if self._econtext_before:
            raise AnsibleConnectionFailure(f"econtext_via: no way but by a slave for {what}")
        self._econtext.say(f"the stock way for {what}")
        try:
            self._econtext.before_stock(command)
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
        """Return the note of a command; None if it is to go the stock way."""
        note: shell.Note | None = self._shell.note_of(command)
        if note is None and commands.is_discovery(command):
            return shell.CommandNote()
        if isinstance(note, shell.ShareNote) and not self._econtext_runs_programs():
            return shell.CommandNote()
        if isinstance(note, shell.ProgramNote):
            is_known = executable == note.shell and self._econtext_runs_programs()
            return note if is_known else None
        return note

    def _econtext_runs_programs(self) -> bool:
        """Return whether modules that come as files are run without making the files."""
        return self._econtext_carries() and not run.keeps_remote_files()

    def _econtext_carries(self) -> bool:
        """Return whether a slave runs the task's modules, under the task's account."""
        has_slaves = self.become is None or isinstance(self.become, become.RecordingBecome)
        is_stock = self._econtext_stock or self._econtext_uploads
        return self._econtext is not None and not is_stock and has_slaves

    def _econtext_become(self, plugin: Any) -> Any:
        """Return the become plugin as one that records, if its commands can run on a slave."""
        assert self._econtext is not None
        if reason := become.why_not(plugin):
            self._econtext.say(f"the stock way for become: {reason}")
            return plugin
        return recording.specialise(plugin, become.RecordingBecome, wrapped={})

    def _econtext_prepare(self) -> None:
        assert self._econtext is not None
        self._econtext.prepare()

    def _econtext_bastions(self, options: dict[str, Any]) -> route.Route:
        """Return the hops to the bastion that `econtext_via` names.

        `options` are the arguments of `set_options`.  Raises AnsibleError if a bastion cannot lead
        there.
        """
        raise AnsibleError(f"econtext_via leads to hosts by ssh, not by {self.transport}")

    def _econtext_route(self, pythons: list[str]) -> route.Route:
        return [*self._econtext_before, self._econtext_hop(pythons)]

    def _econtext_hop(self, pythons: list[str]) -> route.Hop:
        """Return the hop to the host, made once for a list of Pythons until an option changes."""
        key = tuple(pythons)
        if key not in self._econtext_hops:
            self._econtext_hops[key] = self._econtext_make_hop(pythons)
        return self._econtext_hops[key]

    def _econtext_make_hop(self, pythons: list[str]) -> route.Hop:
        raise NotImplementedError

    def _econtext_directory(self) -> str | None:
        """Return the directory in which commands run, if the plugin has one; None for home."""
        directory = getattr(self, "cwd", None)
        return to_text(directory) if directory else None

    def _econtext_path(self, path: str) -> str:
        """Return the path of a file on the controller."""
        return to_text(path)

    def _econtext_remote_path(self, path: str) -> str:
        """Return the path of a file on the target."""
        return self._econtext_path(path)
