"""What the broker does for a worker: one class for a request that is under way.

Each takes a request (a dict, see `connection.py`), has slaves do it, and gives
one reply.  A reply with "failed" in it says what went wrong; the worker makes
Ansible's own errors of that.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any

from ansible_econtext import payload, ways
from ansible_econtext.slaves import Failure, Slave, Slaves, describe
from econtext.controller import sources
from econtext.controller.channels import Call, RemoteCommand
from econtext.controller.errors import CallDied, CallError, EcontextError
from econtext.controller.link import Link
from econtext.target import codec, wire

Reply = Callable[[dict[str, Any]], None]

#: Bytes of output of one module that we are ready to hold.
MAX_OUTPUT = 256 * 1024 * 1024

_SHIPPED = ("ansible_econtext.target.runner", "ansible_econtext.target.files")

#: Imported in each slave before it forks; modules of ansible-core's own, which every
#: new-style module imports.
_IMPORTED_AHEAD = ["ansible.module_utils.basic"]


class CollectingCall(Call):
    """A call whose output is wanted, as bytes."""

    def __init__(self, link: Link, module: str, function: str, *arguments: Any) -> None:
        self.collected: dict[int, list[bytes]] = {wire.STDOUT: [], wire.STDERR: []}
        self._size = 0
        request = {
            "module": module,
            "function": function,
            "arguments": arguments,
            "keywords": {},
            "offered": (),
            "log_level": 30,
        }
        super().__init__(link, request)

    def output(self, stream: int, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_OUTPUT:
            self.settle(CallError("OverflowError", f"more than {MAX_OUTPUT} bytes of output"))
            self.kill()
        else:
            self.collected.setdefault(stream, []).append(data)
        self.credit(len(data))

    def text(self, stream: int) -> bytes:
        return b"".join(self.collected[stream])


class CollectingCommand(RemoteCommand):
    """A command whose output is wanted."""

    def __init__(self, link: Link, argv: list[str], done: Callable[["CollectingCommand"], None]):
        self.collected: dict[int, list[bytes]] = {wire.STDOUT: [], wire.STDERR: []}
        self.status = 255
        super().__init__(link, argv, False)
        self.on_output = self._collect
        self.on_exit = lambda status: self._done(status, done)
        self.end(wire.STDIN)

    def _collect(self, stream: int, data: bytes) -> None:
        self.collected.setdefault(stream, []).append(data)
        self.credit(len(data))

    def _done(self, status: int, done: Callable[["CollectingCommand"], None]) -> None:
        self.status = status if status >= 0 else 128 - status
        done(self)


class Payloads:
    """Payloads taken apart, by their identity."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes, list[bytes]]] = {}

    def __contains__(self, identity: bytes) -> bool:
        return identity in self._known

    def add(self, identity: bytes, archive: bytes) -> None:
        """Raises ValueError for what is no archive of modules."""
        files = payload.unpack(archive)
        entries = [
            sources.Source(file.name, file.is_package, file.content).entry()[:2]
            + (file.filename, sources.digest_of(file.content))
            for file in files
        ]
        self._known[identity] = (codec.encode(entries), [file.content for file in files])

    def send(self, identity: bytes, slave: Slave) -> bytes:
        """Have the slave hold the payload, ready to run; the digest of its manifest."""
        manifest, contents = self._known[identity]
        digest = sources.digest_of(manifest)
        if digest not in slave.warm:
            slave.warm.add(digest)
            slave.link.keep([*contents, manifest])
            request = {"manifest": digest, "imports": _IMPORTED_AHEAD}
            slave.link.send(wire.WARM, 0, codec.encode(request))
        return digest


class Request:
    """One request: finds its slave, acts, replies once."""

    def __init__(
        self, slaves: Slaves, payloads: Payloads, request: dict[str, Any], reply: Reply
    ) -> None:
        self._slaves = slaves
        self._payloads = payloads
        self._request = request
        self._reply: Reply | None = reply
        self._channel: Call | RemoteCommand | None = None
        self._before: list[Any] = request.get("before", [])
        slaves.find(request["way"], self._found)

    def _found(self, slave: Slave | Failure) -> None:
        if isinstance(slave, Failure):
            self.reply(describe(slave))
            return
        if self._reply is None:
            return  # given up meanwhile
        try:
            if slave.link.error is not None:
                raise slave.link.error
            slave.link.provide(source for name in _SHIPPED for source in sources.with_parents(name))
            getattr(self, "_do_" + self._request["do"])(slave)
        except EcontextError as error:
            self._lost(error)

    def reply(self, value: dict[str, Any]) -> None:
        if self._reply is not None:
            reply, self._reply = self._reply, None
            reply(value)

    def abandon(self) -> None:
        """Nobody waits any more: what runs is ended, but for what tidies up."""
        self._reply = None
        if self._channel is not None and self._request["do"] != "operations":
            self._channel.kill()

    def _lost(self, error: EcontextError) -> None:
        self.reply({"failed": "lost", "text": str(error)})

    def _call(
        self, slave: Slave, module: str, function: str, arguments: tuple[Any, ...],
        done: Callable[[CollectingCall, Any], None],
    ) -> CollectingCall:
        slave.link.round_trips += 1
        call = CollectingCall(slave.link, module, function, *arguments)
        self._channel = call

        def finished(future: Any) -> None:
            error = future.exception()
            if isinstance(error, CallError) and error.kind.endswith("OperationError"):
                self.reply({"failed": "operation", "text": error.text})
            elif isinstance(error, CallDied):
                self.reply({"died": error.status, "stdout": call.text(wire.STDOUT),
                            "stderr": call.text(wire.STDERR), "text": str(error)})
            elif error is not None:
                self._lost(error)
            else:
                done(call, future.result())

        call.future.add_done_callback(finished)
        return call

    # The kinds of request

    def _do_module(self, slave: Slave) -> None:
        request = self._request
        if not slave.runs(request["interpreter"]):
            step = ways.interpreter(request["interpreter"])
            self._request = {**request, "way": [*request["way"], step]}
            self._slaves.find(self._request["way"], self._found)
            return
        identity = request["identity"]
        if identity not in self._payloads:
            if "archive" not in request:
                self.reply({"need": identity})
                return
            self._payloads.add(identity, request["archive"])
        names = ("name", "parameters", "profile", "open_files", "environment", "directory",
                 "remote_tmp", "library")
        arguments = {name: request[name] for name in names}
        arguments["before"] = self._before
        arguments["manifest"] = self._payloads.send(identity, slave)

        def done(call: CollectingCall, result: Any) -> None:
            status, left = result
            slave.left.update(left)
            self.reply({"status": status, "stdout": call.text(wire.STDOUT),
                        "stderr": call.text(wire.STDERR)})

        call = self._call(slave, _SHIPPED[0], "run_module", (arguments,), done)
        call.end(wire.STDIN)

    def _do_operations(self, slave: Slave) -> None:
        call = self._call(slave, _SHIPPED[1], "apply", (self._before,),
                          lambda call, result: self.reply({}))
        call.end(wire.STDIN)

    def _do_expand(self, slave: Slave) -> None:
        path, greeting = self._request["path"], slave.link.greeting
        if path == "~":
            self.reply({"path": greeting["home"]})
        elif path in slave.expanded:
            self.reply({"path": slave.expanded[path]})
        else:
            def done(call: CollectingCall, result: Any) -> None:
                slave.expanded[path] = str(result)
                self.reply({"path": str(result)})

            self._call(slave, _SHIPPED[1], "expand", (path,), done).end(wire.STDIN)

    def _do_exists(self, slave: Slave) -> None:
        call = self._call(slave, _SHIPPED[1], "exists", (self._before, self._request["path"]),
                          lambda call, result: self.reply({"exists": bool(result)}))
        call.end(wire.STDIN)

    def _do_command(self, slave: Slave) -> None:
        def done(command: CollectingCommand) -> None:
            self.reply({"status": command.status,
                        "stdout": b"".join(command.collected[wire.STDOUT]),
                        "stderr": b"".join(command.collected[wire.STDERR])})

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
        arguments = (self._before, request["remote"], request["mode"], size)

        def done(call: CollectingCall, result: Any) -> None:
            self.reply({})

        call = self._call(slave, _SHIPPED[1], "receive", arguments, done)
        _Feed(call, source)

    def _do_fetch(self, slave: Slave) -> None:
        target = self._request["local"]
        part = f"{target}.econtext-{os.getpid()}"
        try:
            output = open(part, "wb")
        except OSError as error:
            self.reply({"failed": "operation", "text": str(error)})
            return
        written = 0

        def done(call: CollectingCall, result: Any) -> None:
            output.close()
            if result != written:
                self.reply({"failed": "operation", "text": f"{written} of {result} bytes came"})
                return
            os.replace(part, target)
            self.reply({})

        def take(stream: int, data: bytes) -> None:
            nonlocal written
            if stream == wire.STDOUT:
                output.write(data)
                written += len(data)
            call.credit(len(data))

        call = self._call(slave, _SHIPPED[1], "send", (self._before, self._request["path"]), done)
        call.output = take  # type: ignore[method-assign]
        call.future.add_done_callback(lambda future: _discard(output, part))
        call.end(wire.STDIN)


class _Feed:
    """Sends a file to a call as fast as the call takes it."""

    CHUNK = 8 * wire.MAX_DATA

    def __init__(self, call: CollectingCall, source: Any) -> None:
        self._call = call
        self._source = source
        call.future.add_done_callback(lambda future: source.close())
        call.on_drained = self._more
        self._more()

    def _more(self) -> None:
        if self._source.closed:
            return
        data = self._source.read(self.CHUNK)
        if data:
            self._call.write(wire.STDIN, data)
        else:
            self._source.close()
            self._call.end(wire.STDIN)


def _discard(output: Any, part: str) -> None:
    output.close()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)


def tidy(slave: Slave) -> None:
    """Remove the directories that modules left, as far as nothing is in them.

    It is sent ahead of the end of the slave, which comes on the same wire.
    """
    call = CollectingCall(slave.link, _SHIPPED[1], "remove_empty", sorted(slave.left))
    call.end(wire.STDIN)
