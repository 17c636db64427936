"""What a channel of a link is for: a call, or a command that a slave runs for us."""

import codecs
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from econtext.controller.errors import CallDied, CallError, EcontextError
from econtext.controller.link import Link
from econtext.target import codec, flow_control, wire
from econtext.target.loop import monotonic


class Channel:
    """One channel: sends within its credit, and gives credit for what it took."""

    number = 0

    def __init__(self, link: Link) -> None:
        self.link = link
        self._sending = flow_control.Sending()
        self._pace = flow_control.Pace()
        self._receiving = flow_control.Receiving()
        self._queue: deque[tuple[int, int, bytes]] = deque()  # kind, stream, body
        self.finished = False
        #: Called when the queue has run empty and more may be written.
        self.on_drained: Callable[[], None] | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for what comes of it, or will ask for more."""
        return True

    def write(self, stream: int, data: bytes) -> None:
        """Send data to a stream, as credit allows; the rest waits here."""
        view = memoryview(data)
        for start in range(0, len(view), wire.MAX_DATA):
            self._queue.append((wire.DATA, stream, bytes(view[start : start + wire.MAX_DATA])))
        self._flush()

    def end(self, stream: int) -> None:
        """End a stream, behind all that was written to it."""
        self._queue.append((wire.END, stream, b""))
        self._flush()

    def _flush(self) -> None:
        while self._queue:
            kind, stream, body = self._queue[0]
            if kind == wire.DATA and self._sending.credit < len(body):
                return
            if kind == wire.DATA and not self.link.may_send_data(self):
                return
            self._queue.popleft()
            if kind == wire.DATA:
                self._sending.sent(len(body))
                self.link.send_data(self.number, stream, body, self._pace.is_packed)
                self.sent(len(body))
            elif kind == wire.END:
                self.link.send(wire.END, self.number, wire.stream_byte(stream))
            else:
                self.link.send(kind, self.number, body)
        if self.on_drained is not None:
            self.on_drained()

    def sent(self, size: int) -> None:
        """Hear that so much data went on its way."""

    def resume(self) -> None:
        """Go on, where the link had too much to send."""
        if not self.finished:
            self._flush()

    def kill(self) -> None:
        """Have the slave end the channel's process."""
        if not self.finished:
            self.link.send(wire.CLOSE, self.number)

    def credit(self, size: int) -> None:
        """Say that so much of what was received has gone on its way."""
        grant = self._receiving.used(size)
        if grant and not self.finished:
            self.link.send_credit(self.number, grant)

    # What the link tells

    def receive(self, stream: int, data: bytes) -> None:
        if not self._receiving.received(len(data)):
            raise wire.ProtocolError("more data than credit was given for")
        self.output(stream, data)

    def granted(self, size: int) -> None:
        self._pace.taken(size, monotonic())
        if not self._sending.granted(size):
            raise wire.ProtocolError("more credit than there was data")
        self._flush()

    def exited(self, status: int) -> None:
        self.finished = True

    def lost(self, error: EcontextError) -> None:
        self.finished = True

    def offers(self, name: str) -> bool:
        """Whether the target may have the module of this name."""
        return False

    def result(self, value: Any) -> None:
        raise wire.ProtocolError("a result where none was asked for")

    def output(self, stream: int, data: bytes) -> None:
        raise NotImplementedError


class RemoteCommand(Channel):
    """A command that a slave runs for us; used as `child.Command` is."""

    def __init__(self, link: Link, argv: list[str], terminal: bool) -> None:
        super().__init__(link)
        self.on_output: Callable[[int, bytes], None] | None = None
        self.on_exit: Callable[[int], None] | None = None
        self.on_input_written: Callable[[int], None] | None = None
        link.open(wire.OPEN, self, {"argv": argv, "terminal": terminal})

    def relay(self, digests: list[bytes] | None) -> None:
        """Have the slave write what it holds: its bundle (None), or contents."""
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
                self.output(wire.STDERR, text.encode())
            case _:
                super().result(value)

    def exited(self, status: int) -> None:
        super().exited(status)
        if self.on_exit is not None:
            self.on_exit(status)

    def lost(self, error: EcontextError) -> None:
        super().lost(error)
        self.output(wire.STDERR, str(error).encode())
        if self.on_exit is not None:
            self.on_exit(-1)


class Call(Channel):
    """A call of a function; `future` gets what comes of it."""

    def __init__(self, link: Link, request: dict[str, Any], after: int = 0) -> None:
        super().__init__(link)
        self.future: Future[Any] = Future()
        self._offered = frozenset(request["offered"])
        self._lines: dict[int, _Lines] = {}
        link.open(wire.CALL, self, request, after)

    def offers(self, name: str) -> bool:
        return name.partition(".")[0] in self._offered

    def output(self, stream: int, data: bytes) -> None:
        """Stray output of a function goes to the log, line by line."""
        if stream not in self._lines:
            name = {wire.STDOUT: "stdout", wire.STDERR: "stderr"}.get(stream, "output")
            self._lines[stream] = _Lines(f"econtext.{self.link.name}.{name}")
        self._lines[stream].feed(data)
        self.credit(len(data))

    def result(self, value: Any) -> None:
        match value:
            case ("value", returned):
                self.settle(returned)
            case ("error", str(kind), str(text), str(trace)):
                self.settle(CallError(kind, text, trace))
            case ("failed", str(text)):
                self.settle(CallError("OSError", text))
            case _:
                raise wire.ProtocolError("a result of no known form")

    def exited(self, status: int) -> None:
        super().exited(status)
        self._end_lines()
        self.settle(CallDied(self.link.name, status))

    def lost(self, error: EcontextError) -> None:
        super().lost(error)
        self.settle(error)

    def cancelled(self) -> None:
        """Whoever has the future cancelled it: end the call, and tell those who wait."""
        self.future.set_running_or_notify_cancel()
        self.kill()

    def settle(self, outcome: Any) -> None:
        """Give the outcome to whoever waits; the first one counts."""
        if self.future.done() or not self.future.set_running_or_notify_cancel():
            return
        self._end_lines()  # whoever waits finds in the log what the call wrote before
        if isinstance(outcome, EcontextError):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)

    def _end_lines(self) -> None:
        for lines in self._lines.values():
            lines.feed(b"\n")


class _Lines:
    """Bytes to lines of a log."""

    MAX_LINE = 8192

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        if len(self._rest) > self.MAX_LINE:
            lines, self._rest = [*lines, self._rest], ""
        for line in lines:
            if line:
                self._logger.info("%s", line)
