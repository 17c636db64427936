"""Handlers of workers' requests: one class for each kind of request."""

import functools
import os
from typing import Any

from ansible_econtext.broker import account, file_transfer, payload_archive
from ansible_econtext.broker.calls import CollectingCall, CollectingCommand
from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.broker.request import RequestHandler
from ansible_econtext.broker.target_modules import FILES, PROGRAM, RUNNER
from ansible_econtext.broker.warm_processes import ModuleRun
from ansible_econtext.client.route import interpreter_hop
from econtext.target import wire


class ModuleHandler(RequestHandler):
    """Handler that runs a module from its payload, which a slave is sent once."""

    #: The request's keys that `module_runner.run_module` gets.
    _ARGUMENTS = (
        "name",
        "parameters",
        "profile",
        "open_files",
        "environment",
        "directory",
        "remote_tmp",
        "before",
    )

    def begin(self) -> None:
        route, identity = self._request["route"], self._request["identity"]
        if identity not in self._payloads and "archive" in self._request:
            self._payloads.add(identity, self._request["archive"])
        if identity not in self._payloads:
            # Start the slave, if need be, while the worker sends the archive.
            self._slaves.find(route, lambda found: None)
            self.reply({"need": identity})
            return
        super().begin()
        if route[-1]["python"] == self._request["interpreter"]:
            self._payloads.send_ahead(identity, self._slaves, route)

    def _do(self, slave: PooledSlave) -> None:
        request = self._request
        if not slave.runs(request["interpreter"]):
            hop = interpreter_hop(request["interpreter"])
            self._request = {**request, "route": [*request["route"], hop]}
            self._slaves.find(self._request["route"], self._found)
            return
        changed = account.changed_by(request)
        if changed:
            # The system's tools refuse to change or remove an account that has processes.
            vacated = functools.partial(self._act, self._run_module, slave)
            self._slaves.vacate(request["route"], changed, vacated)
        else:
            self._run_module(slave)

    def _run_module(self, slave: PooledSlave) -> None:
        request = self._request
        arguments = {name: request[name] for name in self._ARGUMENTS}
        arguments["library"] = payload_archive.LIBRARY
        arguments["manifest"] = self._payloads.send(request["identity"], slave.link)

        def done(call: CollectingCall | ModuleRun, status: Any) -> None:
            self.reply({"status": status, "stays": call is run, **call.outputs()})

        def ordinary() -> CollectingCall:
            return self._begin_call(slave, RUNNER, "run_module", arguments)

        run = None
        if self._request["stays"]:
            run = slave.warm_processes.run(self._sequence, slave.link, arguments, ordinary)
        if run is None and self._sequence is not None and self._sequence.has_active_run:
            self.reply({"again": True})
            return
        call = run or ordinary()
        self._await(slave, call, done)
        call.end(wire.STDIN)


class ProgramHandler(RequestHandler):
    """Handler that runs a module that is a program, with its files."""

    def _do(self, slave: PooledSlave) -> None:
        request = self._request
        names = ("shell", "environment", "command", "directory", "remote_tmp", "temporary")
        arguments = {name: request[name] for name in names}
        arguments["files"] = [
            (word, name, self._payloads.send_file(content, slave.link), None)
            if may_come_again
            else (word, name, None, content)
            for word, name, content, may_come_again in request["files"]
        ]

        def done(call: CollectingCall, status: Any) -> None:
            self.reply({"status" if status >= 0 else "died": status, **call.outputs()})

        call = self._call(slave, PROGRAM, "run", (request["before"], arguments), done)
        if request["input"]:
            call.write(wire.STDIN, request["input"])
        call.end(wire.STDIN)


class CommandHandler(RequestHandler):
    """Handler that runs a shell command, as ansible-core's connection would."""

    def _do(self, slave: PooledSlave) -> None:
        def done(command: CollectingCommand) -> None:
            self.reply({"status": command.status, **command.outputs()})

        slave.link.round_trips += 1
        self._channel = CollectingCommand(slave.link, self._request["argv"], done)


class _ResultHandler(RequestHandler):
    """Handler that replies with the result of a function of `file_operations`."""

    def _reply_with(self, name: str, slave: PooledSlave, function: str, *arguments: Any) -> None:
        """Run the deferred operations and a function; reply with {name: its result}."""

        def done(call: CollectingCall, result: Any) -> None:
            self.reply({name: result})

        arguments = (self._request["before"], *arguments)
        self._call(slave, FILES, function, arguments, done).end(wire.STDIN)


class OperationsHandler(_ResultHandler):
    """Handler of deferred operations without anything behind them.

    If they may wait, they are directories to remove, which `Cleanup` gathers.
    """

    tidies_up = True

    def _do(self, slave: PooledSlave) -> None:
        if self._request["may_wait"]:
            paths = [path for _, path in self._request["before"]]
            slave.cleanup.add(paths, lambda: self.reply({"done": None}))
        else:
            self._reply_with("done", slave, "operate")


class ExistsHandler(_ResultHandler):
    """Handler that replies whether a path exists."""

    def _do(self, slave: PooledSlave) -> None:
        self._reply_with("exists", slave, "exists", self._request["path"])


class ExpandHandler(RequestHandler):
    """Handler that expands a path with a tilde.

    Each is asked of a slave once, since home directories do not move while a run lasts.
    """

    def _do(self, slave: PooledSlave) -> None:
        path = self._request["path"]
        if path in slave.expanded and not self._request["before"]:
            self.reply({"path": slave.expanded[path]})
            return

        def done(call: CollectingCall, expanded: Any) -> None:
            slave.expanded[path] = str(expanded)
            self.reply({"path": slave.expanded[path]})

        arguments = (self._request["before"], path)
        self._call(slave, FILES, "expand", arguments, done).end(wire.STDIN)


class PutHandler(RequestHandler):
    """Handler that uploads a file too large to travel within a request."""

    def _do(self, slave: PooledSlave) -> None:
        request = self._request
        try:
            source = open(request["local"], "rb")
        except OSError as error:
            self.reply({"failed": "operation", "text": str(error)})
            return
        size = os.fstat(source.fileno()).st_size
        arguments = (request["before"], request["remote"], request["mode"], size)

        def done(call: CollectingCall, size: Any) -> None:
            self.reply({"size": size})

        file_transfer.Upload(self._call(slave, FILES, "receive", arguments, done), source)


class FetchHandler(RequestHandler):
    """Handler that downloads a file to the controller."""

    def _do(self, slave: PooledSlave) -> None:
        try:
            target = file_transfer.Download(self._request["local"])
        except OSError as error:
            self.reply({"failed": "operation", "text": str(error)})
            return

        def done(call: CollectingCall, size: Any) -> None:
            try:
                target.complete(size)
            except OSError as error:
                self.reply({"failed": "operation", "text": str(error)})
            else:
                self.reply({"size": size})

        arguments = (self._request["before"], self._request["path"])
        call = self._call(slave, FILES, "send", arguments, done)
        call.sink = target.take
        call.future.add_done_callback(lambda future: target.discard())
        call.end(wire.STDIN)


#: Handlers by the request's key `do`.
HANDLERS: dict[str, type[RequestHandler]] = {
    "module": ModuleHandler,
    "program": ProgramHandler,
    "command": CommandHandler,
    "operations": OperationsHandler,
    "exists": ExistsHandler,
    "expand": ExpandHandler,
    "put": PutHandler,
    "fetch": FetchHandler,
}
