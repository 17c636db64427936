"""What the broker does for a worker: one class for a request that is under way.

Each takes a request (a dict, see `connection.py`), has slaves do it, and gives
one reply.  A reply with "failed" in it says what went wrong; the worker makes
Ansible's own errors of that.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

from ansible_econtext import account, shipped, transfer, ways
from ansible_econtext.collecting import CollectingCall, CollectingCommand, failure_of
from ansible_econtext.order import Order
from ansible_econtext.payloads import Payloads
from ansible_econtext.shipped import FILES, PROGRAM, RUNNER
from ansible_econtext.slave import Failure, Slave, describe
from ansible_econtext.slaves import Slaves
from ansible_econtext.staying import Run
from econtext.controller.errors import CallDied, CallError, EcontextError
from econtext.target import wire

Reply = Callable[[dict[str, Any]], None]

Done = Callable[[Any, Any], None]

#: What of a request is passed on to the runner.
_MODULE_ARGUMENTS = (
    "name",
    "parameters",
    "profile",
    "open_files",
    "environment",
    "directory",
    "remote_tmp",
    "library",
    "before",
    "number",
    "behind",
)


class Request:
    """One request: finds its slave, acts, replies once."""

    def __init__(
        self,
        slaves: Slaves,
        payloads: Payloads,
        request: dict[str, Any],
        reply: Reply,
        order: Order | None = None,
    ) -> None:
        self._slaves = slaves
        self._payloads = payloads
        self._request = request
        self._reply: Reply | None = reply
        #: Where it waits for the request before it.
        self._order = order
        self._channel: CollectingCall | CollectingCommand | Run | None = None
        self._slave: Slave | None = None
        #: Whether a slave was replaced for it.
        self._anew = False
        if request["do"] == "module" and not self._payload_known():
            # Asked for before the slave is, which takes its time to start.
            slaves.find(request["way"], lambda found: None)
            self.reply({"need": request["identity"]})
        else:
            slaves.find(request["way"], self._found)
            if request["do"] == "module" and request["way"][-1]["python"] == request["interpreter"]:
                payloads.send_ahead(request["identity"], slaves, request["way"])

    def _payload_known(self) -> bool:
        identity = self._request["identity"]
        if identity not in self._payloads and "archive" in self._request:
            self._payloads.add(identity, self._request["archive"])
        return identity in self._payloads

    def _found(self, slave: Slave | Failure) -> None:
        if isinstance(slave, Failure):
            self.reply(describe(slave))
            return
        self._act(getattr(self, "_do_" + self._request["do"]), slave)

    def _act(self, action: Callable[[Slave], None], slave: Slave) -> None:
        if self._reply is None:
            return  # given up meanwhile
        try:
            if slave.link.error is not None:
                raise slave.link.error
            self._use(slave)
            shipped.provide(slave.link)
            action(slave)
        except EcontextError as error:
            self._lost(error)

    def _go_on(self, action: Callable[[Slave], None], slave: Slave) -> None:
        """As `_act`, where nobody else replies if there is a fault."""
        try:
            self._act(action, slave)
        except Exception as error:
            self.reply({"failed": "lost", "text": f"{type(error).__name__}: {error}"})

    def _use(self, slave: Slave | None) -> None:
        """A slave that is used by requests stays."""
        if self._slave is not None:
            self._slave.release(self)
        self._slave = slave
        if slave is not None:
            slave.users.add(self)

    @property
    def is_over(self) -> bool:
        return self._reply is None

    def reply(self, value: dict[str, Any]) -> None:
        self._use(None)
        if self._reply is not None:
            reply, self._reply = self._reply, None
            reply(value)

    def abandon(self) -> None:
        """Nobody waits any more: what runs is ended, but for what tidies up."""
        if self._request["do"] == "operations":
            return
        self._reply = None
        self._use(None)
        if self._channel is not None:
            self._channel.kill()

    def _lost(self, error: EcontextError) -> None:
        self.reply({"failed": "lost", "text": str(error)})

    def _call(
        self, slave: Slave, module: str, function: str, arguments: tuple[Any, ...], done: Done
    ) -> CollectingCall:
        """Call a shipped function, which returns (result, directories made)."""
        call = self._begin(slave, module, function, *arguments)
        self._await(slave, call, done)
        return call

    def _begin(self, slave: Slave, *call: Any) -> CollectingCall:
        if self._order is not None:
            return self._order.call(slave.link, *call)
        slave.link.round_trips += self._request.get("waited", 1)
        return CollectingCall(slave.link, *call)

    def _await(self, slave: Slave, call: CollectingCall | Run, done: Done) -> None:
        """Have the request's reply made when a call is over."""
        self._channel = call

        def finished(future: Any) -> None:
            error = future.exception()
            if error is None:
                result, made = future.result()
                slave.left.update(made)
                done(call, result)
            elif self._is_outdated(error):
                self._start_anew()
            elif isinstance(error, CallError) and error.kind.endswith("behind.NotBegun"):
                self.reply({"again": True})
            elif isinstance(error, CallError | CallDied):
                self.reply(failure_of(error, call.outputs()))
            else:
                self._lost(error)

        call.future.add_done_callback(finished)

    def _is_outdated(self, error: Exception) -> bool:
        """Whether the slave is to be replaced: once, since a host may say what it likes."""
        if self._anew or not isinstance(error, CallError):
            return False
        self._anew = error.kind.endswith("Outdated")
        return self._anew

    def _start_anew(self) -> None:
        if self._order is not None:
            self.reply({"again": True})  # what was sent after it has the same slave
            return
        self._slaves.forget(self._request["way"])
        self._slaves.find(self._request["way"], self._found)

    # The kinds of request

    def _do_module(self, slave: Slave) -> None:
        request = self._request
        if not slave.runs(request["interpreter"]):
            step = ways.interpreter(request["interpreter"])
            self._request = {**request, "way": [*request["way"], step]}
            self._slaves.find(self._request["way"], self._found)
            return
        changed = account.changed_by(request)
        if changed:
            # The system refuses to change or remove an account that has processes.
            vacated = functools.partial(self._act, self._run_module, slave)
            self._slaves.vacate(request["way"], changed, vacated)
        else:
            self._run_module(slave)

    def _run_module(self, slave: Slave) -> None:
        request = self._request
        arguments = {name: request[name] for name in _MODULE_ARGUMENTS}
        arguments["manifest"] = self._payloads.send(request["identity"], slave.link)
        run = functools.partial(self._run, arguments=arguments)
        if request["number"]:
            self._order = slave.order_of(request["number"], request["behind"])
            may_stay = arguments["manifest"] if request["stays"] else None
            if self._order.is_at_a_run and not slave.staying.goes_on(self._order, may_stay):
                # It is in front, in a process that no other one waits for.
                self._order.when_run_is_over(lambda: self._go_on(run, slave))
                return
        run(slave)

    def _run(self, slave: Slave, arguments: dict[str, Any]) -> None:
        def done(call: CollectingCall | Run, status: Any) -> None:
            self.reply({"status": status, "stays": call is run, **call.outputs()})

        def ordinary() -> CollectingCall:
            return self._begin(slave, RUNNER, "run_module", arguments)

        run = None
        if self._request["stays"]:
            run = slave.staying.run(self._order, slave.link, arguments, ordinary)
        if run is None and self._order is not None and self._order.is_at_a_run:
            self.reply({"again": True})
            return
        call = run or ordinary()
        self._await(slave, call, done)
        call.end(wire.STDIN)

    def _do_program(self, slave: Slave) -> None:
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

    def _do_operations(self, slave: Slave) -> None:
        if self._request["may_wait"]:
            paths = [path for _, path in self._request["before"]]
            slave.removals.add(paths, lambda: self.reply({"done": None}))
        else:
            self._simple_call(slave, "operate", (), "done")

    def _do_exists(self, slave: Slave) -> None:
        self._simple_call(slave, "exists", (self._request["path"],), "exists")

    def _do_expand(self, slave: Slave) -> None:
        """Home directories do not move while a run lasts: each is asked for once."""
        path = self._request["path"]
        if path in slave.expanded and not self._request["before"]:
            self.reply({"path": slave.expanded[path]})
            return

        def done(call: CollectingCall, expanded: Any) -> None:
            slave.expanded[path] = str(expanded)
            self.reply({"path": slave.expanded[path]})

        arguments = (self._request["before"], path)
        self._call(slave, FILES, "expand", arguments, done).end(wire.STDIN)

    def _simple_call(
        self, slave: Slave, function: str, arguments: tuple[Any, ...], name: str
    ) -> None:
        """A call of a file operation whose result is the reply."""
        arguments = (self._request["before"], *arguments)

        def done(call: CollectingCall, result: Any) -> None:
            self.reply({name: result})

        self._call(slave, FILES, function, arguments, done).end(wire.STDIN)

    def _do_command(self, slave: Slave) -> None:
        def done(command: CollectingCommand) -> None:
            self.reply({"status": command.status, **command.outputs()})

        slave.link.round_trips += 1
        self._channel = CollectingCommand(slave.link, self._request["argv"], done)

    def _do_put(self, slave: Slave) -> None:
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

        transfer.Sending(self._call(slave, FILES, "receive", arguments, done), source)

    def _do_fetch(self, slave: Slave) -> None:
        try:
            target = transfer.Receiving(self._request["local"])
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
