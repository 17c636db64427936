"""Link: the controller's end of the wire to one slave.

A `Link` turns bytes into calls of its channels, and back.  The bytes come from and go to
a *process*, which is a command on this machine (`child.Command`) or on another slave
(`channels.RemoteCommand`): a slave of a slave is reached through a stream of its parent,
so that no frame has to be routed.

Nothing from the slave is trusted: a frame that fits no request ends the link, with an
error that says so.
"""

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from econtext.controller import greeting, sources
from econtext.controller.errors import (
    ConnectionLost,
    EcontextError,
    describe_status,
    described,
    is_exit_status,
)
from econtext.controller.holdings import Holdings
from econtext.controller.intake import Intake, Later
from econtext.controller.printable import printable
from econtext.target import codec, compression, flow_control, wire

if TYPE_CHECKING:
    from econtext.controller.channels import Channel

logger = logging.getLogger("econtext")

#: Calls at the most that have a result and go on: a slave ends a call just behind its result.
_MOST_UNENDED = 1000

#: Bytes of answers to an importer's questions that may wait for the slave to read them.
MAX_ANSWERS = 1 << 20

#: Bytes at the end of standard error that are kept to explain a link's end.
TAIL = 4096


class Process(Protocol):
    """Interface of the process at a link's other end."""

    on_output: Callable[[int, bytes], None] | None
    on_exit: Callable[[int], None] | None
    on_input_written: Callable[[int], None] | None

    def write(self, stream: int, data: bytes) -> None: ...
    def end(self, stream: int) -> None: ...
    def credit(self, size: int) -> object: ...
    def kill(self) -> None: ...


class Link:
    """Link to one slave.  All methods are for the loop's thread.

    `later` calls a function when all that is ready now was handled, so that messages
    that are sent together go out together.  Without it each goes out at once.
    `next_turn` calls one in the loop's next turn (see `intake`).
    """

    def __init__(
        self,
        name: str,
        process: Process,
        later: Later | None = None,
        next_turn: Later | None = None,
    ) -> None:
        self.name = name
        self.process = process
        self.outlet = compression.Outlet(self.write, later)
        self._waiting = 0  # bytes that the process has not yet taken
        self._answers = 0  # bytes of answers among them, at the least
        self._blocked: list[Channel] = []  # channels to resume when it has
        process.on_input_written = self._written
        #: The slave's description of itself (`target.hello`); empty until it has come.
        self.greeting: dict[str, Any] = {}
        self.holdings = Holdings(self)
        #: The error that ended the link; None while it is of use.
        self.error: EcontextError | None = None
        #: Called once, with the error, when the link ends.
        self.on_end: list[Callable[[EcontextError], None]] = []
        #: Called when the slave says that a process which started it has ended: it begins no call.
        self.on_orphaned: list[Callable[[], None]] = []
        #: Called when the slave's process has ended, which may be later.
        self.on_gone: list[Callable[[], None]] = []
        self.stderr = b""
        self.kept_output = 0  # bytes of its calls' output; the owner of the calls counts them
        #: Messages that a caller waited for, one after another, each for a round trip.
        self.round_trips = 0
        self.was_heard = True  # since the last look of `keepalive`
        self._intake = Intake(self._handle, self._broken, process.credit, next_turn)
        self._channels: dict[int, Channel] = {}
        self._last_channel = 0
        self._unended = 0  # channels that have a result
        self._pings: list[Callable[[], None]] = []
        self._handlers: dict[int, Callable[[Channel, bytes], None]] = {
            wire.DATA: lambda channel, body: channel.receive(*wire.split_data(body)),
            wire.CREDIT: lambda channel, body: channel.granted(wire.credit_amount(body)),
            wire.RESULT: self._result,
            wire.REPLY: lambda channel, body: channel.reply(body),
            wire.LOG: self._log,
            wire.WANT: self._want,
        }

    # Down

    def open(self, kind: int, channel: "Channel", request: dict[str, Any], after: int = 0) -> None:
        """Give the channel a number, and send its request (of kind OPEN or CALL).

        If `after` is not 0, the slave begins a call when the call on that channel has ended.
        Raises EncodeError if the request is too long, and the link's error if it has ended.
        """
        body = codec.encode(request)
        if len(body) > wire.MAX_MESSAGE:
            raise codec.EncodeError(f"arguments of {len(body)} bytes are too long to send")
        if self.error is not None:
            raise self.error
        self._last_channel += 1
        channel.number = self._last_channel
        self._channels[channel.number] = channel
        if after:
            self.send(wire.AFTER, channel.number, codec.encode(after))
        self.send(kind, channel.number, body)

    def send(self, kind: int, channel: int, body: bytes = b"") -> None:
        """Send a message; does nothing if the link has ended."""
        if self.error is None:
            self.outlet.send(kind, channel, body)

    def send_data(self, channel: int, stream: int, data: bytes, packed: bool) -> None:
        if self.error is None:
            self.outlet.send_data(channel, stream, data, packed)

    def send_credit(self, channel: int, amount: int) -> None:
        if self.error is None:
            self.outlet.add(wire.credit_frame(channel, amount))

    def may_send_data(self, channel: "Channel") -> bool:
        """Return whether the channel may send data now; if not, it will be resumed."""
        if self._waiting <= flow_control.CLOGGED:
            return True
        if channel not in self._blocked:
            self._blocked.append(channel)
        return False

    def write(self, data: bytes) -> None:
        """Write bytes to the process: frames, or the bundle before them."""
        self._waiting += len(data)
        self.process.write(wire.STDIN, data)

    def _written(self, size: int) -> None:
        self._waiting = max(0, self._waiting - size)
        # Packed answers are fewer bytes: the rest is gone when all is written.
        self._answers = max(0, self._answers - size) if self._waiting else 0
        while self._blocked and self._waiting <= flow_control.CLOGGED // 2:
            self._blocked.pop(0).resume()

    def ping(self, answered: Callable[[], None]) -> None:
        """Ping the slave; `answered` is called when it replies."""
        self._pings.append(answered)
        self.send(wire.PING, 0)

    def close(self) -> None:
        """End the slave by the end of its input; it ends all its processes first."""
        self.outlet.flush()
        self.process.end(wire.STDIN)

    # Up

    def feed(self, data: bytes, owed: int = 0) -> None:
        """Take bytes from the slave; `owed` is the process's credit when they are handled."""
        self.was_heard = True
        self._intake.add(data, owed)

    def _broken(self, error: Exception) -> None:
        if isinstance(error, (wire.ProtocolError, codec.DecodeError)):
            reason = f"the slave broke the protocol: {error}"
        else:  # a fault of econtext: what the slave did is not known then
            logger.error("internal error in the link to %s", self.name, exc_info=error)
            reason = f"internal error: {described(error)}"
        self.fail(ConnectionLost(self.name, reason))
        self.process.kill()

    def _handle(self, kind: int, number: int, body: bytes) -> None:
        if kind == wire.HELLO and not self.greeting:
            self.greeting = greeting.checked(codec.decode(body))
            return
        if kind == wire.PONG and self._pings:
            for callback in self.on_orphaned if body == wire.ORPHANED else ():
                notify(callback)
            self._pings.pop(0)()
            return
        channel = self._channels.get(number)
        if channel is None:
            raise wire.ProtocolError(f"a frame for channel {number}, which is not open")
        if kind == wire.EXIT:
            status = codec.decode(body)
            if not is_exit_status(status):
                raise wire.ProtocolError("an exit status that is no number")
            del self._channels[number]
            self._unended -= channel.has_result
            channel.exited(status)
        elif kind in self._handlers:
            self._handlers[kind](channel, body)
        else:
            raise wire.ProtocolError(f"a frame of kind {kind} out of place")

    def _result(self, channel: "Channel", body: bytes) -> None:
        if channel.has_result or len(body) > channel.longest_result:
            raise wire.ProtocolError("a second result, or one too long")
        channel.has_result = True
        self._unended += 1
        if self._unended > _MOST_UNENDED:
            raise wire.ProtocolError("results of calls that do not end")
        channel.result(codec.decode(body))

    def _log(self, channel: "Channel", body: bytes) -> None:
        if not channel.is_logged:
            raise wire.ProtocolError("a log record where none was asked for")
        record = codec.decode(body)
        match record:
            case (int(level), str(name), str(text)):
                # One logger for all of a slave's, and few levels: loggers keep both for ever.
                said = printable(f"{name}: {text}")
                level = min(max(level, logging.NOTSET), 2 * logging.CRITICAL)
                own = logging.getLogger(f"econtext.{self.name}")
                own.log(level, "%s", said, extra={"call": channel.tag})
            case _:
                raise wire.ProtocolError("a log record that is none")

    def _want(self, channel: "Channel", body: bytes) -> None:
        """Send a module that an importer asks for.

        Raises ProtocolError if it was not offered, or if too many answers were not read.
        """
        name = body.decode("utf-8", "replace")
        if not channel.offers(name):
            raise wire.ProtocolError(f"a question for {name[:100]!r}, which was not offered")
        source = sources.find(name)
        entry: tuple[Any, ...] = (name,)
        if source is not None:
            self.holdings.keep([source.content])
            entry = source.entry()
        answer = codec.encode([entry])
        self._answers += len(answer)
        if self._answers > MAX_ANSWERS:  # an importer waits for each answer
            raise wire.ProtocolError("questions, of which it reads no answer")
        self.send(wire.SOURCES, channel.number, answer)

    # The end

    def said(self, data: bytes) -> None:
        """Take what the slave's process, or ssh before it, wrote to standard error."""
        self.stderr = (self.stderr + data)[-TAIL:]
        for line in data.decode("utf-8", "replace").splitlines():
            if line.strip():
                logger.info("%s: stderr: %s", self.name, printable(line))

    def ended(self, status: int) -> None:
        """End the link, as the slave's process has ended with this status.

        Frames that still wait are handled first.
        """
        self._intake.after_all(functools.partial(self._ended, status))

    def _ended(self, status: int) -> None:
        said = self.stderr.decode("utf-8", "replace")
        reason = f"the slave's process {describe_status(status)}"
        self.fail(ConnectionLost(self.name, reason, said))
        for callback in self.on_gone:
            notify(callback)

    def fail(self, error: EcontextError) -> None:
        """End the link with an error, which each open channel gets."""
        if self.error is not None:
            return
        self.error = error
        self._intake.close()
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            notify(channel.lost, error)
        for callback in self.on_end:
            notify(callback, error)


def notify(callback: Callable[..., None], *arguments: Any) -> None:
    """Call back; log what it raises, which is to keep no other from its own call."""
    try:
        callback(*arguments)
    except Exception as error:
        logger.error("internal error in %r", callback, exc_info=error)
