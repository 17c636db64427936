"""Session of one connection object with the broker, for the time of a task.

The notes of the connection's shell and become plugins tell what a command is for.  The session
declines a command without a note.

All of it is for the task's own thread.
"""

import contextlib
import os
import pathlib
import re
import shlex
import stat
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes
from ansible.utils.display import Display

from ansible_econtext.client import client, connection_pool, endpoint, messages
from ansible_econtext.client.route import Hop, Route, key_of
from ansible_econtext.connection import become, errors, fetched_file, module_requests, shell
from ansible_econtext.connection.deferred_operations import DeferredOperations
from ansible_econtext.core import fork_gate
from ansible_econtext.payload import ansiballz
from ansible_econtext.pipeline import slot
from econtext.boot import first_stage

display = Display()

#: Variables that are read when a Python starts, which is too early for a call process: by the
#: interpreter, its loader, OpenSSL and malloc.  HOME leads to the user's site.  A locale counts
#: if its encoding may be another one than UTF-8, which Python takes for C too.
_FOR_STARTS = re.compile(
    "PYTHON|LD_|OPENSSL_|MALLOC_|GLIBC_TUNABLES=|LOCPATH=|HOME="
    "|(LC_ALL|LC_CTYPE|LANG)=(?!$|C$|POSIX$|.*(?i:utf-?8))"
)

#: Seconds, as in `_ssh_retry` of ansible-core's ssh plugin.
_LONGEST_PAUSE = 30

#: Keys of the routes to hosts whose last reply was no failure: they have a slave already.
_seen: set[bytes] = set()

#: Shells that hosts have, with the keys of the routes to these.
_shells: set[tuple[bytes, str]] = set()

#: Exit status, standard output and standard error.
Result = tuple[int, bytes, bytes]


class Session:
    """Requests of one connection object, and the file operations that wait for the next one.

    `first_hop` returns the hop to the connection's host for a list of Pythons; `run_process` is
    the process number of the run that the broker is to serve.
    """

    def __init__(self, first_hop: Callable[[list[str]], Hop], host: str, run_process: int) -> None:
        self._first_hop = first_hop
        self._host = host
        self._run_process = run_process
        self._client: client.Client | None = None
        self._deferred = DeferredOperations()
        #: Pythons to look for on the host, from the options.
        self.pythons: list[str] = []
        #: How often an attempt to reach the host is repeated, from the options.
        self.retries = 0
        #: Seconds that become has for its prompt and its answer, from the options.
        self.become_timeout = 60.0
        self._prepared = False
        self._mkdtemp = ""
        #: Replies of hosts without a Python, by the Pythons that were looked for.
        self._without_python: dict[tuple[str, ...], messages.NotReached] = {}

    def prepare(self) -> None:
        """Ask the broker to start the login account's slave, without waiting for it.

        Does nothing if the host has one, in an item of a loop that waits for its turn, or if the
        broker cannot be reached: the next request tells of that.
        """
        if self._prepared or not self.pythons or not slot.is_active():
            return
        self._prepared = True
        route = self._route(None)
        if key_of(route) in _seen:
            return
        with contextlib.suppress(client.BrokerGone):
            self._connected().tell(messages.Prepare(route))

    def has_shell(self, path: str) -> bool:
        """Return whether the host has the shell that the user asks for.

        A slave needs none, but the user is to hear of a missing one.  Raises as `perform` does.
        """
        if path in ("", "/bin/sh"):
            return True
        known = (key_of(self._route(None)), path)
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
        directory: str | None,
    ) -> Result | None:
        """Do what `command` is for, as the account of `plugin`; None if that is not possible.

        `data` is the command's standard input, `directory` where it runs (None: at home).
        Raises errors.NoPython if there can be no slave, Ansible's own errors if the request
        failed, and fork_gate.Moved if the task went on in another process.
        """
        if isinstance(note, shell.ModuleNote):
            payload = ansiballz.recognise(data) if data else None
            variables = map("=".join, note.environment.items())
            if payload is None or any(map(_FOR_STARTS.match, variables)):
                return self._run_program(note.program, data, plugin, directory)
            return self._run_module(note, payload, plugin, directory)
        if note is None or data:
            return None
        if isinstance(note, shell.ProgramNote):
            return self._run_program(note, None, plugin, directory)
        if isinstance(note, shell.ShareNote) and note.program is not None:
            if self._deferred.contents(note.program.paths) is not None:
                return 0, b"", b""  # there will be no such files
        if isinstance(note, shell.ExistsNote):
            existence: messages.Existence = self._ask(messages.Exists(note.path), plugin)
            return (0 if existence.exists else 1), b"", b""
        if isinstance(note, shell.JobNote):
            return self._run_command(note.command, plugin, directory)
        if plugin is not None:
            return None
        if isinstance(note, shell.OperationNote):
            self._expect_python()
            self._deferred.add(note.operation)
            if note.operation[0] == "make_directory":
                self._mkdtemp = command
            return 0, note.output.encode(), b""
        if isinstance(note, shell.ExpandNote):
            expanded: messages.Expanded
            expanded = self._ask(messages.Expand(note.path), keep_deferred=True)
            return 0, to_bytes(expanded.path) + b"\n", b""
        return self._run_command(command, None, directory)

    def _run_command(self, command: str, plugin: Any, directory: str | None) -> Result:
        self._flush()
        self.say(f"EXEC {command}")
        if directory is not None:
            command = f"cd {shlex.quote(directory)}; {command}"
        reply: messages.Ended = self._ask(messages.Command(["/bin/sh", "-c", command]), plugin)
        return reply.status, reply.stdout, reply.stderr

    def _run_program(
        self,
        program: shell.ProgramNote | None,
        data: bytes | None,
        plugin: Any,
        directory: str | None,
    ) -> Result | None:
        """Run a program, with its files in memory if they are among the deferred operations."""
        if program is None:
            return None
        contents = self._deferred.contents(program.paths)
        text = become.wrapped(plugin, program.template) if plugin else program.template
        self.say(f"EXEC module {module_requests.name(program)} in a call process: {text}")
        action = module_requests.of_program(program, contents, data, directory)
        with contextlib.ExitStack() as stack:
            if program.paths and contents is not None:
                stack.enter_context(self._deferred.without(os.path.dirname(program.paths[0])))
            reply: messages.Ended | messages.Died = self._ask(action, plugin)
        return module_requests.result(reply)

    def _run_module(
        self, note: shell.ModuleNote, payload: ansiballz.Payload, plugin: Any, directory: str | None
    ) -> Result:
        self.pythons = [note.interpreter]
        action = module_requests.of_payload(note, payload, directory)
        python = become.wrapped(plugin, note.interpreter) if plugin else note.interpreter
        self.say(f"EXEC module {payload.name} in a call process: {python}")
        try:
            reply = self._ask(action, plugin)
            if isinstance(reply, messages.PayloadWanted):
                reply = self._ask(action.replace(archive=payload.archive), plugin)
        except errors.NoPython as error:
            # The shell's words under the stock way, for Ansible's own parser.
            return error.status, b"", error.stderr.encode()
        if isinstance(reply, messages.Died):
            self.say(reply.text)
        return module_requests.result(reply)

    def put(self, source: str, target: str, name: str, limit: int) -> None:
        """Copy a file to the host, as the login account; raises as `perform` does.

        One of up to `limit` bytes becomes a deferred operation.  `name` is the target's path as
        ansible-core writes it.
        """
        if not os.path.exists(to_bytes(source, errors="surrogate_or_strict")):
            raise AnsibleFileNotFound(f"file or module does not exist: {source}")
        self.say(f"PUT {source} TO {target}")
        status = os.stat(source)
        mode = stat.S_IMODE(status.st_mode) & 0o777
        if status.st_size <= limit:
            self._expect_python()
            self._deferred.add(("write", target, pathlib.Path(source).read_bytes(), mode), name)
        else:
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

    def reset(self) -> None:
        """Drop the deferred operations, and end every slave of the host."""
        self._deferred.take()
        self._without_python = {}
        _seen.clear()
        running = client.connect_if_running(endpoint.of_run().directory)
        if running is not None:
            with contextlib.suppress(client.BrokerGone):  # which ends every slave as well
                running.ask(messages.Reset(self._route(None)))
            running.close()

    def close(self) -> None:
        """Send the deferred operations without waiting for them: they tidy up.

        If the task went on in another process, that one has sent them.
        """
        if self._client is None:
            return
        if fork_gate.has_moved():
            self._client.close()
            return
        operations = [held.operation for held in self._deferred.take()]
        if operations and not self._client.closed:
            work = messages.Work(self._route(None), operations, messages.Operations())
            with contextlib.suppress(client.BrokerGone):  # and with it what was to be removed
                self._client.tell(work)
        connection_pool.give_back(self._client)
        self._client = None

    def before_stock(self) -> None:
        """Do the deferred operations, which the stock way may rely on; raises as `perform`."""
        slot.wait_until_active()
        self._flush()

    def say(self, text: str) -> None:
        """Show a line of -vvv."""
        display.vvv(f"econtext: {text}", host=self._host)

    def _expect_python(self) -> None:
        """Raise errors.NoPython now rather than when the operations that are deferred fail."""
        if key_of(self._route(None)) not in _seen:
            self._ask(messages.Expand("~"), keep_deferred=True)

    def _flush(self) -> None:
        if self._deferred:
            self._ask(messages.Operations())

    def _ask(self, action: messages.Action, plugin: Any = None, keep_deferred: bool = False) -> Any:
        """Send the deferred operations and an action to the broker; return its reply.

        The reply is of a kind that messages.REPLIES has for the action, or PayloadWanted.
        Raises as `perform` does.
        """
        if fork_gate.has_moved():
            raise fork_gate.Moved
        if plugin is not None:
            # Files are the login account's: they must be there before the other's module runs.
            self._flush()
        held = [] if keep_deferred else self._deferred.take()
        route = self._route(plugin)
        work = messages.Work(route, [each.operation for each in held], action)
        host = key_of(route[:1])
        reply = self._without_python.get(tuple(self.pythons)) or self._reply(work)
        if isinstance(reply, messages.PayloadWanted):  # the slave may not be there yet
            self._deferred.put_back(held)
        elif isinstance(reply, messages.Failed | messages.NotReached):
            _seen.discard(host)
            error = errors.error_of(reply, plugin, self._mkdtemp)
            if isinstance(reply, messages.NotReached) and reply.hop == 0:
                if isinstance(error, errors.NoPython):
                    self._without_python[tuple(self.pythons)] = reply
            # ansible-core may be handling an error of its own, which is no cause of this one.
            raise error from None
        else:
            _seen.add(host)
        return reply

    def _reply(self, work: messages.Work) -> messages.Reply:
        """Return the broker's reply, after as many attempts to reach the host as the options allow.

        Raises AnsibleConnectionFailure if the broker has gone.
        """
        attempt = 0
        while True:
            try:
                reply = slot.submit(work)
                if reply is None:
                    reply = self._connected().ask(work)
            except client.BrokerGone as error:
                raise AnsibleConnectionFailure(f"econtext: {error}") from error
            if not errors.may_pass(reply) or attempt >= self.retries:
                return reply
            pause = min(2**attempt - 1, _LONGEST_PAUSE)
            attempt += 1
            self.say(f"attempt {attempt} to connect failed, pausing for {pause} seconds")
            fork_gate.sleep(pause)

    def _connected(self) -> client.Client:
        if self._client is None or self._client.closed:
            self._client = connection_pool.borrow(endpoint.of_run(), self._run_process)
        return self._client

    def _route(self, plugin: Any) -> Route:
        pythons = self.pythons or list(first_stage.PYTHONS)
        hops = [self._first_hop(pythons)]
        if plugin is not None:
            shell_plugin, timeout = plugin.recorded_shell, self.become_timeout
            hops.append(become.hop(plugin, shell_plugin, pythons, timeout))
        return hops
