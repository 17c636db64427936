"""Session of one connection object with the broker, for the time of a task.

The notes of the connection's shell and become plugins tell what a command is for.  The session
declines a command without a note.

All of it is for the task's own thread.
"""

import contextlib
import os
import pathlib
import shlex
import stat
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes

from ansible_econtext.client import messages
from ansible_econtext.client.route import key_of
from ansible_econtext.connection import (
    become,
    changed_accounts,
    errors,
    fetched_file,
    module_requests,
    shell,
)
from ansible_econtext.connection.host_requests import HostRequests
from ansible_econtext.core import fork_gate
from ansible_econtext.payload import ansiballz, reusable
from ansible_econtext.pipeline import slot

#: Shells that hosts have, with the keys of the routes to these.
_shells: set[tuple[bytes, str]] = set()

#: Exit status, standard output and standard error.
Result = tuple[int, bytes, bytes]


class Session(HostRequests):
    """Work of a connection object for its task, as requests to the broker."""

    def has_shell(self, path: str) -> bool:
        """Return whether the host has the shell that the user asks for.

        A slave needs none, but the user is to hear of a missing one.  Raises as `perform` does.
        """
        if path in ("", "/bin/sh"):
            return True
        known = (key_of(self.route(None)), path)
        if known not in _shells:
            reply: messages.Existence = self._ask(messages.Exists(path), keep_deferred=True)
            if not reply.exists:
                return False
            _shells.add(known)
        return True

    def perform(
        self,
        note: shell.Note | None,
        command: str,
        data: bytes | None,
        plugin: Any,
    ) -> Result | None:
        """Do what `command` is for, as the account of `plugin`; None if that is not possible.

        `data` is the command's standard input.
        Raises errors.NoPython if there can be no slave, Ansible's own errors if the request
        failed, and fork_gate.Moved if the task went on in another process.
        """
        if isinstance(note, shell.ModuleNote):
            payload = ansiballz.recognise(data) if data else None
            changes = changed_accounts.of_payload(payload) if payload else ""
            if payload is None or module_requests.needs_own_start(note):
                return self._run_program(note.program, data, plugin, changes)
            return self._run_module(note, payload, plugin, changes)
        if note is None or data:
            return None
        if isinstance(note, shell.ProgramNote):
            return self._run_program(note, None, plugin)
        if isinstance(note, shell.ShareNote) and note.program is not None:
            if self._deferred.contents(note.program.paths) is not None:
                return 0, b"", b""  # there will be no such files
        if isinstance(note, shell.ExistsNote):
            existence: messages.Existence = self._ask(messages.Exists(note.path), plugin)
            return (0 if existence.exists else 1), b"", b""
        if isinstance(note, shell.JobNote):
            command = note.command
            if self.term:  # a job starts on a terminal in the stock way, also with pipelining
                command = f"TERM={shlex.quote(self.term)}; export TERM; {command}"
            return self._run_command(command, plugin)
        if plugin is not None:
            return None
        if isinstance(note, shell.OperationNote):
            self._expect_python()
            self._deferred.add(note.operation)
            if note.operation[0] == "make_directory":
                self._mkdtemp = command
            elif note.operation[0] == "remove":
                # Over ssh each item of a loop has a connection, and ansible-core closes the last.
                self.close()
            return 0, note.output.encode(), b""
        if isinstance(note, shell.ExpandNote):
            expanded: messages.Expanded
            expanded = self._ask(messages.Expand(note.path), keep_deferred=True)
            return 0, to_bytes(expanded.path) + b"\n", b""
        return self._run_command(command, None)

    def _directory(self, plugin: Any) -> str | None:
        """Return where a request runs; None for where its call process begins.

        Become has started its slave in the directory, or elsewhere if the user wants that.
        """
        return self.directory if plugin is None else None

    def _run_command(self, command: str, plugin: Any) -> Result:
        self._flush()
        self.say(f"EXEC {command}")
        if (directory := self._directory(plugin)) is not None:
            command = f"cd {shlex.quote(directory)}; {command}"
        action = messages.Command(["/bin/sh", "-c", command])
        changes = changed_accounts.of_command(command)
        reply: messages.Ended = self._ask(action, plugin, changes=changes)
        return reply.status, reply.stdout, reply.stderr

    def _run_program(
        self,
        program: shell.ProgramNote | None,
        data: bytes | None,
        plugin: Any,
        changes: str = "",
    ) -> Result | None:
        """Run a program, with its files in memory if they are among the deferred operations."""
        if program is None:
            return None
        contents = self._deferred.contents(program.paths)
        text = become.wrapped(plugin, program.template) if plugin else program.template
        self.say(f"EXEC module {module_requests.name(program)} in a call process: {text}")
        action = module_requests.of_program(
            program, contents, data, self._directory(plugin), self.terminal
        )
        with contextlib.ExitStack() as stack:
            if program.paths and contents is not None:
                stack.enter_context(self._deferred.without(os.path.dirname(program.paths[0])))
            reply: messages.Ended | messages.Died = self._ask(action, plugin, changes=changes)
        return module_requests.result(reply)

    def run_unknown(self, command: str, data: bytes | None, plugin: Any) -> Result:
        """Run a command that has no note, on a host that has no stock way; raises as `perform`.

        With a plugin it is the command inside of become's.
        """
        changes = changed_accounts.of_command(command)
        executable = getattr(plugin and plugin.recorded_shell, "executable", None)
        if executable:
            command = f"{executable} -c {shlex.quote(command)}"
        program = shell.ProgramNote("/bin/sh", "", command, template=command)
        result = self._run_program(program, data, plugin, changes)
        assert result is not None
        return result

    def _run_module(
        self,
        note: shell.ModuleNote,
        payload: ansiballz.Payload,
        plugin: Any,
        changes: str,
    ) -> Result:
        self.pythons = [note.interpreter]
        action = module_requests.of_payload(note, payload, self._directory(plugin), self.terminal)
        python = become.wrapped(plugin, note.interpreter) if plugin else note.interpreter
        self.say(f"EXEC module {payload.name} in a call process: {python}")
        if accounts := self.ssh_accounts():
            action = action.replace(ssh=accounts, may_run_warm=False)
            self.say(f"ssh leads the module to {accounts[-1].host} over its slave")
        # Operations of the module's own account go with it, at no cost.
        keep = plugin is not None and reusable.needs_no_temporary_files(payload)
        keep = keep and self._deferred.are_hidden_from(payload.parameters)
        try:
            reply = self._ask(action, plugin, keep_deferred=keep, changes=changes)
            if isinstance(reply, messages.PayloadWanted):
                action = action.replace(archive=payload.archive)
                reply = self._ask(action, plugin, keep_deferred=keep, changes=changes)
        except errors.NoPython as error:
            is_stocks = plugin is not None and self.has_stock_words
            if is_stocks or isinstance(error, errors.NoSsh):
                raise
            # The shell's words under the stock way, for Ansible's own parser.
            return error.status, b"", error.stderr.encode()
        if isinstance(reply, messages.Died):
            self.say(reply.text)
        return module_requests.result(reply)

    def put(
        self, source: str, target: str, name: str, limit: int, new_mode: Callable[[int], int]
    ) -> None:
        """Copy a file to the host, as the login account; raises as `perform` does.

        A new file gets `new_mode(mode on the controller)` without the bits of the umask.
        One of up to `limit` bytes becomes a deferred operation.  `name` is the target's path as
        ansible-core writes it.
        """
        if not os.path.exists(to_bytes(source, errors="surrogate_or_strict")):
            raise AnsibleFileNotFound(f"file or module does not exist: {source}")
        self.say(f"PUT {source} TO {target}")
        status = os.stat(source)
        mode = new_mode(stat.S_IMODE(status.st_mode))
        if status.st_size <= limit:
            self._expect_python()
            self._deferred.add(("write", target, pathlib.Path(source).read_bytes(), mode), name)
        else:
            self._flush()  # what it makes is known then, even if the upload is given up
            self._ask(messages.Put(os.path.abspath(source), target, mode))

    def fetch(self, source: str, target: str, new_mode: Callable[[int], int]) -> None:
        """Copy a file from the host, as the login account; raises as `perform` does.

        A new file gets `new_mode(mode on the host)` without the bits of the umask.
        """
        self.say(f"FETCH {source} TO {target}")
        try:
            with fetched_file.fetched_file(os.path.abspath(target)) as fetched:
                reply: messages.Fetched = self._ask(messages.Fetch(source, fetched.part))
                with fork_gate.waiting():
                    fetched.install(new_mode(reply.mode))
        except OSError as error:
            raise AnsibleError(f"failed to transfer file to {target}: {error}") from error

    def before_stock(self, command: str) -> None:
        """Do what the stock way of a command may rely on; raises as `perform`.

        That is the deferred operations, and that accounts which it may change are not in use.
        """
        slot.wait_until_active()
        changes = changed_accounts.of_command(command)
        changes = changes or changed_accounts.of_text(self._deferred.written())  # a script
        if self._deferred:
            self._ask(messages.Operations(), changes=changes)
        elif changes:
            with contextlib.suppress(errors.NoPython):  # then no slave uses any account
                self._ask(messages.Operations(), changes=changes)
