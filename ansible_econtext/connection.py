"""The connection plugin: a stock one that hands what it recognises to the broker.

`carried(stock)` makes, of the class of a stock connection plugin, one that does
the same through a slave.  What is not recognised goes the stock way, through the
methods of the stock class, and `-vvv` says so.
"""

import os
import pathlib
import stat
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.shell import ShellBase
from ansible.utils.display import Display
from ansible.utils.path import unfrackpath

from ansible_econtext import become, client, failures, payload, recorded, seams, shell, ways

display = Display()

#: Bytes of a file that travel with the next module rather than by themselves.
SMALL_FILE = 65536


class CarriedConnection:
    """In front of a stock connection class."""

    _step_kind = ""
    has_pipelining = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._econtext = not getattr(self._shell, "_IS_WINDOWS", False)  # type: ignore[has-type]
        if self._econtext:
            self._shell: Any = recorded.specialise(self._shell, shell.RecordingShell)  # type: ignore[has-type]
        self._client: client.Client | None = None
        self._run_process = int(kwargs.get("ansible_playbook_pid") or os.getpid())
        self._waiting: list[tuple[Any, ...]] = []  # operations that go with the next request
        self._pythons: list[str] = []
        self._going_stock = False

    # Options

    def set_become_plugin(self, plugin: Any) -> None:
        if plugin is not None and self._econtext and become.is_carried(plugin):
            plugin = recorded.specialise(plugin, become.RecordingBecome)
        super().set_become_plugin(plugin)  # type: ignore[misc]

    def get_option(self, option: str, *args: Any, **kwargs: Any) -> Any:
        if option == "pipelining" and self._econtext and not self._going_stock:
            # A module comes as a whole, on what would be Python's standard input.
            plugin: Any = getattr(self, "become", None)
            if plugin is None or isinstance(plugin, become.RecordingBecome):
                return True
        return super().get_option(option, *args, **kwargs)  # type: ignore[misc]

    def _resolve_option_variables(self, variables: dict[str, Any], templar: Any) -> Any:
        self._pythons = seams.interpreters(variables, templar)
        return super()._resolve_option_variables(variables, templar)  # type: ignore[misc]

    # What Ansible calls

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        if not self._econtext:
            return super().exec_command(cmd, in_data, sudoable)  # type: ignore[misc,no-any-return]
        if not self._connected:
            self._connect()  # type: ignore[attr-defined]
        command = seams.without_executable(cmd, self._shell)
        plugin: Any = self.become if isinstance(self.become, become.RecordingBecome) else None  # type: ignore[attr-defined]
        wrapped = plugin.wrapped.get(command) if plugin is not None else None
        note = self._shell.notes.get(command if wrapped is None else wrapped)
        if note is None and seams.is_discovery(command):
            note = shell.Command()
        try:
            result = self._run(note, command, in_data, plugin if wrapped is not None else None)
        except failures.NoPython as error:
            result = None
            reason = str(error)
        else:
            reason = "the command is not one that econtext knows"
        if result is None:
            return self._stock(reason, "exec_command", cmd, in_data, sudoable)
        return result

    def _run(
        self, note: shell.Note | None, command: str, in_data: bytes | None, plugin: Any
    ) -> tuple[int, bytes, bytes] | None:
        """Do what the command is for; None where that is not known."""
        if isinstance(note, shell.Module):
            recognised = payload.recognise(in_data) if in_data else None
            return self._run_module(note, recognised, plugin) if recognised else None
        if note is None or in_data:
            return None
        if isinstance(note, shell.Operation):
            if plugin is None:
                self._waiting.append(note.arguments)
                return 0, note.output.encode(), b""
        elif isinstance(note, shell.Expand):
            reply = self._ask({"do": "expand", "way": self._way(None), "path": note.path})
            return 0, to_bytes(reply["path"]) + b"\n", b""
        elif isinstance(note, shell.Exists):
            reply = self._ask({"do": "exists", "path": note.path}, plugin)
            return (0 if reply["exists"] else 1), b"", b""
        elif plugin is None:
            reply = self._ask({"do": "command", "argv": ["/bin/sh", "-c", command]}, plugin)
            return reply["status"], reply["stdout"], reply["stderr"]
        return None

    def _run_module(
        self, note: shell.Module, module: payload.Payload, plugin: Any
    ) -> tuple[int, bytes, bytes]:
        self._pythons = [note.interpreter]
        request = {
            "do": "module",
            "interpreter": note.interpreter,
            "environment": note.environment,
            "identity": module.identity,
            "name": module.name,
            "parameters": module.parameters,
            "profile": module.profile,
            "open_files": module.open_files,
            "directory": self._directory(),
            "remote_tmp": self._shell.get_option("remote_tmp"),
            "library": payload.LIBRARY,
        }
        self._say(f"module {module.name} in a call process")
        try:
            reply = self._ask(request, plugin)
            if "need" in reply:
                reply = self._ask({**request, "archive": module.archive}, plugin)
        except failures.NoPython as error:
            # What the shell would have said to the stock way, for Ansible's own parser.
            return error.status, b"", error.stderr.encode()
        if "died" in reply:
            return failures.of_dead_module(reply)
        return reply["status"], reply["stdout"], reply["stderr"]

    def put_file(self, in_path: str, out_path: str) -> None:
        if not self._econtext:
            super().put_file(in_path, out_path)  # type: ignore[misc]
            return
        source, target = self._local_path(in_path), self._remote_path(out_path)
        if not os.path.exists(to_bytes(source, errors="surrogate_or_strict")):
            raise AnsibleFileNotFound(f"file or module does not exist: {source}")
        self._say(f"PUT {source} TO {target}")
        status = os.stat(source)
        mode = stat.S_IMODE(status.st_mode) & 0o777
        if status.st_size <= SMALL_FILE:
            data = pathlib.Path(source).read_bytes()
            self._waiting.append(("write", target, data, mode))
            return
        request = {"do": "put", "local": os.path.abspath(source), "remote": target, "mode": mode}
        try:
            self._ask(request)
        except failures.NoPython as error:
            self._stock(str(error), "put_file", in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        if not self._econtext:
            super().fetch_file(in_path, out_path)  # type: ignore[misc]
            return
        source, target = self._remote_path(in_path), self._local_path(out_path)
        self._say(f"FETCH {source} TO {target}")
        try:
            self._ask({"do": "fetch", "path": source, "local": os.path.abspath(target)})
        except failures.NoPython as error:
            self._stock(str(error), "fetch_file", in_path, out_path)

    def reset(self) -> None:
        """Drop every slave of the host; the next task starts anew."""
        if self._econtext:
            running = client.connect_if_running(self._run_place())
            if running is not None:
                running.ask({"do": "reset", "way": self._way(None)})
                running.close()
        super().reset()  # type: ignore[misc]

    def close(self) -> None:
        if self._waiting and self._client is not None and not self._client.closed:
            before, self._waiting = self._waiting, []
            request = {"do": "operations", "way": self._way(None), "before": before}
            try:
                self._client.tell(request)
            except client.BrokerGone:
                pass  # it took with it what there was to tidy up
        if self._client is not None:
            self._client.close()
            self._client = None
        super().close()  # type: ignore[misc]

    # The broker

    def _ask(self, request: dict[str, Any], plugin: Any = None) -> dict[str, Any]:
        """Have the broker do something, and what waits before it."""
        if plugin is not None and self._waiting:
            # Files are the login user's: they must be there before the other's module runs.
            self._flush()
        before, self._waiting = self._waiting, []
        way = self._way(plugin)
        try:
            if self._client is None or self._client.closed:
                self._client = client.connect(self._run_place(), self._run_process)
            reply = self._client.ask({"way": way, "before": before, **request})
        except client.BrokerGone as error:
            raise AnsibleConnectionFailure(f"econtext: {error}") from error
        if "need" in reply:
            self._waiting = before
        if "failed" in reply:
            raise failures.error_of(reply, way, self.become)  # type: ignore[attr-defined]
        return reply

    def _flush(self) -> None:
        if self._waiting:
            self._ask({"do": "operations"})

    def _way(self, plugin: Any) -> list[ways.Step]:
        steps = [self._first_step()]
        if plugin is not None:
            steps.append(become.step(plugin, self._shell, self._pythons))
        return steps

    def _first_step(self) -> ways.Step:
        raise NotImplementedError

    def _run_place(self) -> pathlib.Path:
        return pathlib.Path(seams.run_directory()) / "econtext"

    # The stock way

    def _stock(self, reason: str, method: str, *arguments: Any) -> Any:
        """Have the stock plugin do it, after what waits."""
        self._say(f"{method} goes the stock way: {reason}")
        try:
            self._flush()
        except failures.NoPython:
            raise AnsibleError("econtext: files cannot be transferred to a host without Python") from None
        self._going_stock = True
        try:
            return getattr(super(), method)(*arguments)
        finally:
            self._going_stock = False

    def _say(self, text: str) -> None:
        host = getattr(self, "host", None) or self._play_context.remote_addr  # type: ignore[attr-defined]
        display.vvv(f"econtext: {text}", host=host)

    # Where paths are meant

    def _directory(self) -> str | None:
        return None

    def _local_path(self, path: str) -> str:
        return to_text(path)

    def _remote_path(self, path: str) -> str:
        return to_text(path)


class CarriedSSH(CarriedConnection):
    """In front of ansible-core's ssh plugin."""

    def _first_step(self) -> ways.Step:
        argv = seams.ssh_command(self)
        return ways.over_ssh(self.host, argv, seams.ssh_password(self), self._pythons)  # type: ignore[attr-defined]


class CarriedLocal(CarriedConnection):
    """In front of ansible-core's local plugin."""

    def _first_step(self) -> ways.Step:
        return ways.local(self._pythons)

    def _directory(self) -> str | None:
        directory = getattr(self, "cwd", None)
        return to_text(directory) if directory else None

    def _local_path(self, path: str) -> str:
        return str(unfrackpath(path, basedir=self._directory()))

    _remote_path = _local_path


_MIXINS = {"ssh": CarriedSSH, "local": CarriedLocal}

_carried: dict[type, type] = {}


def carried(stock: type) -> type | None:
    """The class that carries a stock one; None where we have none for it."""
    if stock not in _carried:
        mixin = _MIXINS.get(getattr(stock, "transport", ""))
        if mixin is None or not getattr(stock, "__module__", "").startswith("ansible.plugins."):
            return None
        _carried[stock] = type("Connection", (mixin, stock), {})
    return _carried[stock]


assert ShellBase  # the recording shell stands in front of it
