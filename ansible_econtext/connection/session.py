"""What one connection object does through the broker, for the time of a task.

It knows what a command is for by the notes of the connection's own shell and
become plugins; what is not in the notes it leaves alone.
"""

import contextlib
import os
import pathlib
import re
import shlex
import stat
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes
from ansible.utils.display import Display

from ansible_econtext.client import client, connection_pool, endpoint
from ansible_econtext.client.route import Hop, Route, key_of
from ansible_econtext.connection import become, errors, module_requests, shell
from ansible_econtext.connection.deferred_operations import Waiting
from ansible_econtext.core import fork_gate
from ansible_econtext.payload import ansiballz, reusable
from ansible_econtext.pipeline import slot
from econtext.boot import first_stage

display = Display()

#: Variables that a Python looks at when it starts: in a call process they come too late.
_FOR_STARTS = re.compile("PYTHON|LD_")

#: Seconds, as in `_ssh_retry` of ansible-core's ssh plugin.
_LONGEST_PAUSE = 30

#: The slaves that replied the last time, by their route: they need not be started ahead.
_seen: set[bytes] = set()

#: The shells that hosts have, by the routes to these.
_shells: set[tuple[bytes, str]] = set()

Result = tuple[int, bytes, bytes]


class Session:
    """One connection's talk with the broker.

    `first_step` makes the step that reaches the connection's host from a list of
    Pythons; `run_process` is the process of the run that the broker is to serve.
    """

    def __init__(self, first_step: Callable[[list[str]], Hop], host: str, run_process: int) -> None:
        self._first_step = first_step
        self._host = host
        self._run_process = run_process
        self._client: client.Client | None = None
        #: Operations that need no answer: they go with the next request.
        self._waiting = Waiting()
        #: The Pythons to look for on the host, from the options.
        self.pythons: list[str] = []
        #: How often an attempt to reach the host is repeated, from the options.
        self.retries = 0
        #: Seconds that become has for its prompt and its answer, from the options.
        self.become_timeout = 60.0
        self._prepared = False
        self._mkdtemp = ""
        #: What was said where there was no Python, by the Pythons that were looked for.
        self._without_python: dict[tuple[str, ...], dict[str, Any]] = {}

    def prepare(self) -> None:
        """Have the login user's slave started, without waiting for it."""
        if self._prepared or not self.pythons or not slot.is_active():
            return
        self._prepared = True
        route = self._route(None)
        if key_of(route) in _seen:
            return
        with contextlib.suppress(client.BrokerGone):  # whoever needs it will be told
            self._connected().tell({"do": "prepare", "route": route, "before": []})

    def has_shell(self, path: str) -> bool:
        """Whether the host has the shell that a user asks for: we get on without it, but what
        is missing is to be told."""
        if path in ("", "/bin/sh"):
            return True
        known = (key_of(self._route(None)), path)
        if known not in _shells:
            if not self._ask({"do": "exists", "path": path}, keep_waiting=True)["exists"]:
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
        """Do what `command` is for, as the user that `plugin` makes; None where we cannot.

        `data` is what is to be the command's standard input, `directory` where it
        runs (None: at home).  Raises failures.NoPython where there is no slave to be had.
        """
        if isinstance(note, shell.Module):
            module = ansiballz.recognise(data) if data else None
            if module is None or any(map(_FOR_STARTS.match, note.environment)):
                return self._run_program(note.program, data, plugin, directory)
            return self._run_module(note, module, plugin, directory)
        if note is None or data:
            return None
        if isinstance(note, shell.Program):
            return self._run_program(note, None, plugin, directory)
        if isinstance(note, shell.Share) and note.program is not None:
            if self._waiting.contents(note.program.paths) is not None:
                return 0, b"", b""  # they will be no files
        if isinstance(note, shell.Exists):
            reply = self._ask({"do": "exists", "path": note.path}, plugin)
            return (0 if reply["exists"] else 1), b"", b""
        if isinstance(note, shell.Job):
            return self._run_command(note.command, plugin, directory)
        if plugin is not None:
            return None
        if isinstance(note, shell.Operation):
            self._expect_python()
            self._waiting.add(note.arguments)
            if note.arguments[0] == "make_directory":
                self._mkdtemp = command
            return 0, note.output.encode(), b""
        if isinstance(note, shell.Expand):
            reply = self._ask({"do": "expand", "path": note.path}, keep_waiting=True)
            return 0, to_bytes(reply["path"]) + b"\n", b""
        return self._run_command(command, None, directory)

    def _run_command(self, command: str, plugin: Any, directory: str | None) -> Result:
        self._flush()
        self.say(f"EXEC {command}")
        if directory is not None:
            command = f"cd {shlex.quote(directory)}; {command}"
        reply = self._ask({"do": "command", "argv": ["/bin/sh", "-c", command]}, plugin)
        return reply["status"], reply["stdout"], reply["stderr"]

    def _run_program(
        self, program: shell.Program | None, data: bytes | None, plugin: Any, directory: str | None
    ) -> Result | None:
        """Run a program with its files in memory, as long as they are nowhere else."""
        if program is None:
            return None
        contents = self._waiting.contents(program.paths)
        text = become.spoken(plugin, program.template) if plugin else program.template
        self.say(f"EXEC module {module_requests.name(program)} in a call process: {text}")
        request = module_requests.request_of_program(program, contents, data, directory)
        with contextlib.ExitStack() as stack:
            if program.paths and contents is not None:
                stack.enter_context(self._waiting.without(os.path.dirname(program.paths[0])))
            reply = self._ask(request, plugin)
        return module_requests.result(reply)

    def _run_module(
        self, note: shell.Module, module: ansiballz.Payload, plugin: Any, directory: str | None
    ) -> Result:
        self.pythons = [note.interpreter]
        request = module_requests.request_of_payload(note, module, directory)
        request["stays"] = reusable.leaves_nothing(module)
        python = become.spoken(plugin, note.interpreter) if plugin else note.interpreter
        self.say(f"EXEC module {module.name} in a call process: {python}")
        try:
            reply = self._ask(request, plugin)
            if "need" in reply:
                reply = self._ask({**request, "archive": module.archive}, plugin)
        except errors.NoPython as error:
            # What the shell would have said to the stock way, for Ansible's own parser.
            return error.status, b"", error.stderr.encode()
        if "died" in reply:
            self.say(reply["text"])
        return module_requests.result(reply)

    def put(self, source: str, target: str, name: str, limit: int) -> None:
        """Copy a file to the host, as the login user; one of up to `limit` bytes with the next
        request.  `name` is what ansible-core calls the target."""
        if not os.path.exists(to_bytes(source, errors="surrogate_or_strict")):
            raise AnsibleFileNotFound(f"file or module does not exist: {source}")
        self.say(f"PUT {source} TO {target}")
        status = os.stat(source)
        mode = stat.S_IMODE(status.st_mode) & 0o777
        if status.st_size <= limit:
            self._expect_python()
            self._waiting.add(("write", target, pathlib.Path(source).read_bytes(), mode), name)
            return
        request = {"do": "put", "local": os.path.abspath(source), "remote": target}
        self._ask({**request, "mode": mode})

    def fetch(self, source: str, target: str) -> None:
        """Copy a file from the host, as the login user."""
        self.say(f"FETCH {source} TO {target}")
        self._ask({"do": "fetch", "path": source, "local": os.path.abspath(target)})

    def reset(self) -> None:
        """End every slave of the host; the next task starts anew."""
        self._waiting.take()
        self._without_python = {}
        _seen.clear()
        running = client.connect_if_running(endpoint.of_run().directory)
        if running is not None:
            with contextlib.suppress(client.BrokerGone):  # and every slave with it
                running.ask({"do": "reset", "route": self._route(None), "before": []})
            running.close()

    def close(self) -> None:
        """Send what waits, without waiting for it: it tidies up."""
        if self._client is None:
            return
        if fork_gate.has_moved():  # another process tidies up, or has done so
            self._client.close()
            return
        if self._waiting and not self._client.closed:
            before = [held.operation for held in self._waiting.take()]
            may_wait = all(each[0] == "remove" and shell.is_temporary(each[1]) for each in before)
            request = {"do": "operations", "route": self._route(None), "before": before}
            with contextlib.suppress(client.BrokerGone):  # it took with it what was to be removed
                self._client.tell({**request, "may_wait": may_wait, "waited": 0})
        self._waiting.take()
        connection_pool.give_back(self._client)
        self._client = None

    def before_stock(self) -> None:
        """Have done what waits: the stock way may rely on it."""
        slot.wait_until_active()
        self._flush()

    def say(self, text: str) -> None:
        """For -vvv."""
        display.vvv(f"econtext: {text}", host=self._host)

    def _expect_python(self) -> None:
        """Raise failures.NoPython now, rather than when what waits cannot be done."""
        if key_of(self._route(None)) not in _seen:
            self._ask({"do": "expand", "path": "~"}, keep_waiting=True)

    def _flush(self) -> None:
        if self._waiting:
            self._ask({"do": "operations", "may_wait": False})

    def _ask(
        self, request: dict[str, Any], plugin: Any = None, keep_waiting: bool = False
    ) -> dict[str, Any]:
        """Have the broker do something, and before it what waits."""
        if fork_gate.has_moved():
            raise fork_gate.Moved
        if plugin is not None:
            # Files are the login user's: they must be there before the other's module runs.
            self._flush()
        held = [] if keep_waiting else self._waiting.take()
        route = self._route(plugin)
        before = [each.operation for each in held]
        host = key_of(route[:1])
        missing = self._without_python.get(tuple(self.pythons))
        reply = missing or self._reply({**request, "route": route, "before": before})
        if "need" in reply:  # of the broker alone: the slave may not be there yet
            self._waiting.put_back(held)
        elif "failed" in reply:
            _seen.discard(host)
            error = errors.error_of(reply, plugin, self._mkdtemp)
            if isinstance(error, errors.NoPython) and reply["hop"] == 0:
                self._without_python[tuple(self.pythons)] = reply
            # ansible-core may be at handling an error of its own, which is no cause of this.
            raise error from None
        else:
            _seen.add(host)
        return reply

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """The broker's reply, after as many attempts to reach the host as the options allow."""
        attempt, connected = 0, self._connected
        while True:
            try:
                reply = slot.submit(request) or connected().ask(request)
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
        steps = [self._first_step(pythons)]
        if plugin is not None:
            shell_plugin, timeout = plugin.recorded_shell, self.become_timeout
            steps.append(become.step(plugin, shell_plugin, pythons, timeout))
        return steps
