"""Handlers of work: one class for each kind of action."""

from typing import TYPE_CHECKING, Any

from ansible_econtext.broker import file_transfer, payload_archive, target_modules
from ansible_econtext.broker.calls import CollectingCall, CollectingCommand, status_of
from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.broker.request import A, RequestHandler
from ansible_econtext.broker.target_modules import FILES, FRESHNESS, PROGRAM, RUNNER, TERMINAL
from ansible_econtext.broker.warm_processes import ModuleRun
from ansible_econtext.client import messages
from ansible_econtext.client.route import interpreter_hop
from econtext.controller.errors import CallDied
from econtext.controller.link import logger
from econtext.target import wire

if TYPE_CHECKING:
    from ansible_econtext.broker.host_ssh import HostSSH


class _RunHandler(RequestHandler[A]):
    """Handler of what runs in a call process that may die of it."""

    def _begin_on_terminal(
        self, slave: PooledSlave, function: str, *arguments: Any
    ) -> CollectingCall:
        """Call a function of `target/terminal.py`; the first argument is the kind of terminal."""
        target_modules.provide(slave.link, (TERMINAL,))
        return self._begin_call(slave, TERMINAL, function, *arguments)

    def _died(self, error: CallDied, call: CollectingCall | ModuleRun) -> None:
        self.reply(messages.Died(error.status, str(error), **call.outputs()))


class ModuleHandler(_RunHandler[messages.Module]):
    """Handler that runs a module from its payload, which a slave is sent once."""

    #: The action's fields that `module_runner.run_module` gets.
    _ARGUMENTS = (
        "name",
        "parameters",
        "profile",
        "open_files",
        "environment",
        "directory",
        "remote_tmp",
    )

    _ssh: "HostSSH | None" = None

    def begin(self) -> None:
        action = self._action
        if action.identity not in self._payloads and action.archive is not None:
            self._payloads.add(action.identity, action.archive)
        if action.identity not in self._payloads:
            # Start the slave, if need be, while the worker sends the archive.
            self._slaves.find(self._route, lambda found: None)
            self.reply(messages.PayloadWanted())
            return
        super().begin()
        if not self.is_over and self._route[-1].python == action.interpreter:
            self._payloads.send_ahead(action.identity, self._slaves, self._route)

    def _do(self, slave: PooledSlave) -> None:
        if not slave.runs(self._action.interpreter):
            self._route = [*self._route, interpreter_hop(self._action.interpreter)]
            self._slaves.find(self._route, self._found)
            return
        arguments = {name: getattr(self._action, name) for name in self._ARGUMENTS}
        arguments["is_anew"] = self._is_anew
        arguments["deferred"] = self._deferred
        arguments["library"] = payload_archive.LIBRARY
        if self._action.ssh:
            arguments["environment"] = self._with_ssh(slave)
        arguments["manifest"] = self._payloads.send(self._action.identity, slave.link)

        def done(call: CollectingCall | ModuleRun, status: Any) -> None:
            ended = status_of(status)
            if ended < 0:  # on a terminal the module is not the call process
                self._died(CallDied(self._action.name, ended), call)
            else:
                self.reply(messages.Ended(ended, was_warm=call is run, **call.outputs()))

        def ordinary() -> CollectingCall:
            terminal = self._action.terminal
            if terminal is not None:
                return self._begin_on_terminal(slave, "run_module", terminal, arguments)
            return self._begin_call(slave, RUNNER, "run_module", arguments)

        run = None
        if self._action.may_run_warm:
            run = slave.warm_processes.run(self._sequence, slave.link, arguments, ordinary)
        if run is None and self._sequence is not None and self._sequence.has_active_run:
            self.reply(messages.NotBegun())
            return
        call = run or ordinary()
        self._await(slave, call, done)
        call.end(wire.STDIN)

    def _with_ssh(self, slave: PooledSlave) -> dict[str, str]:
        """Return the module's environment, with emulated ssh until this handler is done.

        Where there is no room for that, the module has the real ssh.
        """
        from ansible_econtext.broker.host_ssh import HostSSH

        try:
            self._ssh = self._ssh or HostSSH(slave.loop, self._slaves, self._action.ssh)
        except OSError as error:
            logger.warning("no emulated ssh: %s", error)
            return self._action.environment
        return self._ssh.environment(self._action.environment)

    def reply(self, reply: messages.Reply) -> None:
        self._end_ssh()
        super().reply(reply)

    def abandon(self) -> None:
        self._end_ssh()
        super().abandon()

    def _end_ssh(self) -> None:
        if self._ssh is not None:
            self._ssh.close()
        self._action = self._action.replace(ssh=[])  # with their passwords


class ProgramHandler(_RunHandler[messages.Program]):
    """Handler that runs a module that is a program, with its files."""

    #: The action's fields that `program_runner.run` gets.
    _ARGUMENTS = ("shell", "environment", "command", "directory", "remote_tmp", "temporary")

    def _do(self, slave: PooledSlave) -> None:
        action = self._action
        arguments = {name: getattr(action, name) for name in self._ARGUMENTS}
        arguments["is_anew"] = self._is_anew
        arguments["files"] = [
            (file.word, file.name, self._payloads.send_file(file.content, slave.link), None)
            if file.is_kept
            else (file.word, file.name, None, file.content)
            for file in action.files
        ]

        def done(call: CollectingCall, status: Any) -> None:
            if status_of(status) >= 0:
                self.reply(messages.Ended(status, was_warm=False, **call.outputs()))
            else:
                self.reply(messages.Died(status, "", **call.outputs()))

        if action.terminal is None:
            call = self._begin_call(slave, PROGRAM, "run", self._deferred, arguments)
        else:
            given = action.terminal, self._deferred, arguments
            call = self._begin_on_terminal(slave, "run_program", *given)
        self._await(slave, call, done)
        if action.input:
            call.write(wire.STDIN, action.input)
        call.end(wire.STDIN)


class CommandHandler(RequestHandler[messages.Command]):
    """Handler that runs a shell command, as ansible-core's connection would.

    The slave that starts a command does not look whether it is outdated, as a module's call process
    does.  So one that was used before is asked first.
    """

    def _do(self, slave: PooledSlave) -> None:
        if self._is_anew or slave.link.round_trips == 0:
            self._run(slave)
            return

        def fresh(*_: Any) -> None:
            try:
                self._run(slave)
            except Exception as error:
                self._faulted(error)

        call = self._begin_call(slave, FRESHNESS, "look")
        self._await(slave, call, fresh)
        call.end(wire.STDIN)

    def _run(self, slave: PooledSlave) -> None:
        if self.is_over:
            return

        def done(command: CollectingCommand) -> None:
            try:
                outputs = command.outputs()
                self.reply(messages.Ended(command.status, was_warm=False, **outputs))
            except Exception as error:  # its channel is closed: no other would reply
                self._faulted(error)

        slave.link.round_trips += 1
        self._channel = CollectingCommand(slave.link, self._action.argv, done)


class OperationsHandler(RequestHandler[messages.Operations]):
    """Handler of deferred operations without anything behind them."""

    tidies_up = True

    def _do(self, slave: PooledSlave) -> None:
        def done(*_: Any) -> None:
            self.reply(messages.Done())

        self._call(slave, FILES, "operate", (self._deferred,), done).end(wire.STDIN)


class ExistsHandler(RequestHandler[messages.Exists]):
    """Handler that replies whether a path exists."""

    def _do(self, slave: PooledSlave) -> None:
        def done(call: CollectingCall, exists: Any) -> None:
            if type(exists) is not bool:
                raise ValueError("neither true nor false")
            self.reply(messages.Existence(exists))

        arguments = (self._deferred, self._action.path)
        self._call(slave, FILES, "exists", arguments, done).end(wire.STDIN)


class ExpandHandler(RequestHandler[messages.Expand]):
    """Handler that expands a path with a tilde.

    Those of the slave's own account are known, as it is replaced when they change.
    """

    def _do(self, slave: PooledSlave) -> None:
        path = self._action.path
        if path in slave.expanded and not self._deferred:
            self.reply(messages.Expanded(slave.expanded[path]))
            return

        def done(call: CollectingCall, expanded: Any) -> None:
            if type(expanded) is not str:
                raise ValueError("no path")
            self.reply(messages.Expanded(expanded))

        arguments = (self._deferred, path)
        self._call(slave, FILES, "expand", arguments, done).end(wire.STDIN)


class PutHandler(RequestHandler[messages.Put]):
    """Handler that uploads a file too large to travel within a request."""

    def _do(self, slave: PooledSlave) -> None:
        action = self._action
        if self._sequence is not None:  # whose next request must not begin while a file is opened
            self.reply(messages.NotBegun())
            return

        def done(call: CollectingCall, size: Any) -> None:
            self.reply(messages.Done())

        def begin(size: int) -> CollectingCall | None:
            if self.is_over:
                return None
            arguments = (self._deferred, action.remote, action.mode, size)
            try:
                return self._call(slave, FILES, "receive", arguments, done)
            except Exception as error:
                self._faulted(error)
                return None

        def failed(error: Exception) -> None:
            self._fail(messages.FailureCode.OPERATION, error)

        file_transfer.Upload(slave.loop, action.local, begin, failed)


class FetchHandler(RequestHandler[messages.Fetch]):
    """Handler that downloads a file to the controller, into one that the worker made."""

    def _do(self, slave: PooledSlave) -> None:
        def done(call: CollectingCall, result: Any) -> None:
            size, mode = result
            if type(mode) is not int:
                raise ValueError("no permission bits")

            def completed(error: Exception | None) -> None:
                if error is not None:
                    self._fail(messages.FailureCode.OPERATION, error)
                else:
                    self.reply(messages.Fetched(mode & 0o777))

            target.complete(size, completed)

        arguments = (self._deferred, self._action.remote)
        call = self._call(slave, FILES, "send", arguments, done)
        target = file_transfer.Download(slave.loop, self._action.local, call)
        call.end(wire.STDIN)

    def abandon(self) -> None:
        super().abandon()
        file_transfer.remove(self._action.local)


#: Handlers by the kind of action.
HANDLERS: dict[type[messages.Action], type[RequestHandler[Any]]] = {
    messages.Module: ModuleHandler,
    messages.Program: ProgramHandler,
    messages.Command: CommandHandler,
    messages.Operations: OperationsHandler,
    messages.Exists: ExistsHandler,
    messages.Expand: ExpandHandler,
    messages.Put: PutHandler,
    messages.Fetch: FetchHandler,
}
