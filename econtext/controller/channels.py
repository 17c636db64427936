"""Channels of a link: each is a call, or a command that a slave runs.

All methods are for the loop's thread; a call's future is for any thread.
"""

import codecs
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from econtext.controller import sources
from econtext.controller.errors import CallDied, EcontextError, call_error
from econtext.controller.link import Link
from econtext.controller.printable import printable
from econtext.target import codec, flow_control, importer, wire
from econtext.target.loop import monotonic


class Channel:
    """One channel: sends within its credit, and gives credit for data that it took."""

    number = 0
    #: Whether its one result has come.
    has_result = False
    #: Bytes of a result at the most.
    longest_result = wire.MAX_MESSAGE
    #: Whether it was asked for log records.
    is_logged = False

    def __init__(self, link: Link) -> None:
        self.link = link
        self._sending = flow_control.Sending()
        self._pace = flow_control.Pace()
        self._receiving = flow_control.Receiving()
        self._queue: deque[tuple[int, int, bytes]] = deque()  # kind, stream of data, body
        self.finished = False
        self._is_killed = False
        #: Called when the queue has run empty and more may be written.
        self.on_drained: Callable[[], None] | None = None

    def write(self, stream: int, data: bytes) -> None:
        """Send data to a stream as far as credit allows; keep the rest until later."""
        view = memoryview(data)
        for start in range(0, len(view), wire.MAX_DATA):
            self._queue.append((wire.DATA, stream, bytes(view[start : start + wire.MAX_DATA])))
        self._flush()

    def end(self, stream: int) -> None:
        """End a stream, behind all data that was written to it."""
        self._queue.append((wire.END, stream, wire.stream_byte(stream)))
        self._flush()

    def _flush(self) -> None:
        while self._queue:
            kind, stream, body = self._queue[0]
            if kind != wire.DATA:
                self._queue.popleft()
                self.link.send(kind, self.number, body)
                continue
            if self._sending.credit < len(body) or not self.link.may_send_data(self):
                return
            self._queue.popleft()
            self._sending.sent(len(body))
            self.link.send_data(self.number, stream, body, self._pace.is_packed)
            self.sent(len(body))
        if self.on_drained is not None:
            self.on_drained()

    def sent(self, size: int) -> None:
        """Note that data of this size was sent; for subclasses."""

    def resume(self) -> None:
        """Send what waits; the link calls this when it may take more."""
        if not self.finished:
            self._flush()

    def kill(self) -> None:
        """Tell the slave, once, to end the channel's process."""
        if not self.finished and not self._is_killed:
            self._is_killed = True
            self.link.send(wire.CLOSE, self.number)

    def credit(self, size: int) -> None:
        """Count received data as used, and give the slave credit for more."""
        grant = self._receiving.used(size)
        if grant and not self.finished:
            self.link.send_credit(self.number, grant)

    @property
    def tag(self) -> str:
        """Number and function of the call that runs, for people: the `call` of its log records."""
        return ""

    # Called by the link

    def receive(self, stream: int, data: bytes) -> None:
        """Take data; raises ProtocolError if it is none, or more than was granted."""
        if not data:
            raise wire.ProtocolError("data without content")
        if not self._receiving.received(len(data)):
            raise wire.ProtocolError("more data than credit was given for")
        self.output(stream, data)

    def granted(self, size: int) -> None:
        """Take credit; raises ProtocolError if it is for more than was sent."""
        self._pace.taken(size, monotonic())
        if not size or not self._sending.granted(size):
            raise wire.ProtocolError("more credit than there was data")
        self._flush()

    def exited(self, status: int) -> None:
        """Note that the process has ended with this status; nothing follows."""
        self.finished = True

    def lost(self, error: EcontextError) -> None:
        """Note that the link has ended with this error; nothing follows."""
        self.finished = True

    def offers(self, name: str) -> bool:
        """Return whether the target may have the module of this name."""
        return False

    def result(self, value: Any) -> None:
        """Take a result; raises ProtocolError unless it is one that was asked for."""
        raise wire.ProtocolError("a result where none was asked for")

    def reply(self, body: bytes) -> None:
        """Take a reply; raises ProtocolError unless it is one that was asked for."""
        raise wire.ProtocolError("a reply where none was asked for")

    def output(self, stream: int, data: bytes) -> None:
        """Take a piece of output, and give credit for it at some time."""
        raise NotImplementedError


class RemoteCommand(Channel):
    """Command that a slave runs; has the interface of `child.Command`."""

    #: Its one result is why it could not be run: to decode 20 MiB would take a minute.
    longest_result = 65536

    def __init__(self, link: Link, argv: list[str], terminal: bool) -> None:
        super().__init__(link)
        self.on_output: Callable[[int, bytes], None] | None = None
        self.on_exit: Callable[[int], None] | None = None
        self.on_input_written: Callable[[int], None] | None = None
        #: Why the slave could not run it; "" if it runs.
        self.failure = ""
        link.open(wire.OPEN, self, {"argv": argv, "terminal": terminal})

    def relay(self, digests: list[bytes] | None) -> None:
        """Tell the slave to write contents that it holds, or its bundle if None."""
        self._queue.append((wire.RELAY, wire.STDIN, codec.encode(digests)))
        self._flush()

    def output(self, stream: int, data: bytes) -> None:
        if self.on_output is not None:
            self.on_output(stream, data)

    def sent(self, size: int) -> None:
        if self.on_input_written is not None and size:
            self.on_input_written(size)

    def result(self, value: Any) -> None:
        match value:
            case ("failed", str(text)):
                self.failure = text
                self.output(wire.STDERR, text.encode("utf-8", "replace"))
            case _:
                super().result(value)

    def exited(self, status: int) -> None:
        super().exited(status)
        if self.on_exit is not None:
            self.on_exit(status)

    def lost(self, error: EcontextError) -> None:
        super().lost(error)
        self.output(wire.STDERR, str(error).encode("utf-8", "replace"))
        if self.on_exit is not None:
            self.on_exit(-1)


class Call(Channel):
    """Call of a function; `future` gets its value or error."""

    def __init__(self, link: Link, request: dict[str, Any], after: int = 0) -> None:
        super().__init__(link)
        self.future: Future[Any] = Future()
        self._is_settled = False
        self._offered = frozenset(request["offered"])
        self.is_logged = request["log_level"] is not None
        self._lines: dict[int, _Lines] = {}
        link.open(wire.CALL, self, request, after)
        self.function = f"{request['module']}.{request['function']}"

    @property
    def tag(self) -> str:
        return f"{self.number} {self.function}"

    def offers(self, name: str) -> bool:
        return name == importer.RESOURCES or sources.package_of(name) in self._offered

    def output(self, stream: int, data: bytes) -> None:
        """Log what the function prints, line by line."""
        if stream not in self._lines:
            name = {wire.STDOUT: "stdout", wire.STDERR: "stderr"}.get(stream, "output")
            self._lines[stream] = _Lines(f"econtext.{self.link.name}.{name}")
        self._lines[stream].feed(data, self.tag)
        self.credit(len(data))

    def result(self, value: Any) -> None:
        match value:
            case ("failed", str(text)):
                self.settle(call_error("OSError", text))
            case _:
                self.settle(self.outcome_of(value))

    def outcome_of(self, value: Any) -> Any:
        """Return what a function returned, or a CallError for what it raised, from its result.

        Raises ProtocolError if it is of no known form.
        """
        match value:
            case ("value", returned):
                return returned
            case ("error", str(kind), str(text), str(trace)):
                is_import = kind in ("ImportError", "ModuleNotFoundError")
                hint = sources.whereabouts(text, self._offered) if is_import else ""
                return call_error(kind, text, trace, hint)
            case _:
                raise wire.ProtocolError("a result of no known form")

    def exited(self, status: int) -> None:
        super().exited(status)
        self.end_lines()
        self.settle(CallDied(self.link.name, status))

    def lost(self, error: EcontextError) -> None:
        super().lost(error)
        self.settle(error)

    def cancelled(self) -> None:
        """End the call's process, after its future was cancelled."""
        self.kill()
        self.settle(None)  # tells threads that wait for it

    def settle(self, outcome: Any) -> None:
        """Set the future's result or exception; only the first one counts."""
        if self._is_settled:
            return
        self._is_settled = True
        self.end_lines()  # a waiting caller finds all of the call's output in the log
        settle(self.future, outcome)

    def end_lines(self) -> None:
        """Log what the function printed without the end of a line."""
        for lines in self._lines.values():
            lines.feed(b"\n", self.tag)


def settle(future: "Future[Any]", outcome: Any) -> None:
    """Set a future's result or exception; tell those that wait for it if it was cancelled."""
    if not future.set_running_or_notify_cancel():  # any thread may have cancelled it
        return
    if isinstance(outcome, EcontextError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


class _Lines:
    """Logger of bytes, line by line."""

    MAX_LINE = 8192

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes, tag: str) -> None:
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        if len(self._rest) > self.MAX_LINE:
            lines, self._rest = [*lines, self._rest], ""
        for line in lines:
            if line:
                self._logger.info("%s", printable(line), extra={"call": tag})
