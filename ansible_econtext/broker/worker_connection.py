"""The broker's end of a connection to a worker."""

import os
import socket
from typing import TYPE_CHECKING, Any

from ansible_econtext.broker.sequence import Sequence
from ansible_econtext.client import messages
from econtext.controller.link import notify
from econtext.target import codec, wire
from econtext.target.loop import Writer, read

if TYPE_CHECKING:
    from ansible_econtext.broker.request import RequestHandler
    from ansible_econtext.broker.server import Broker


class WorkerConnection:
    """Connection of a worker, for single requests or the sequence of a loop."""

    def __init__(self, broker: "Broker", connection: socket.socket) -> None:
        self._broker = broker
        self._connection = connection
        connection.setblocking(False)
        self._reader = wire.Reader(frozenset([wire.OPEN]), messages.LIMIT)
        self._writer = Writer(broker.loop, os.dup(connection.fileno()))
        #: The process number of the worker's run; 0 until the worker registers.
        self.run = 0
        #: Handlers of active requests, by the requests' numbers.
        self.handlers: dict[int, RequestHandler[Any]] = {}
        self.sequence = Sequence()
        broker.loop.add_reader(connection.fileno(), self._receive)

    def _receive(self) -> None:
        data = read(self._connection.fileno(), 262144)
        if data is None:
            return
        if not data:
            self.close()
            return
        try:
            frames = self._reader.feed(bytes(data))  # type: ignore[call-overload]
        except wire.ProtocolError as error:
            self._broker.report(self._receive, error)
            self.close()
            return
        for _, number, body in frames:
            try:
                self._broker.take(self, messages.decode_request(body), number)
            except Exception as error:  # without a reply the worker would wait for ever
                self._broker.report(self._broker.take, error)
                text = f"internal error: {error}"
                self.reply(messages.Failed(messages.FailureCode.LOST, text), number)

    def reply(self, reply: messages.Reply, number: int) -> None:
        """Send the reply to a request, unless its number is 0 or the worker has gone."""
        self.handlers.pop(number, None)
        if number and self._connection.fileno() >= 0:
            try:
                body = messages.encode(reply)
            except codec.EncodeError as error:
                text = f"the reply cannot be sent: {error}"
                body = messages.encode(messages.Failed(messages.FailureCode.CALL, text))
            self._writer.write(wire.frame(wire.RESULT, number, body))

    def close(self) -> None:
        """Close the connection, and abandon the requests that came over it."""
        if self._connection.fileno() < 0:
            return
        self._broker.loop.remove_reader(self._connection.fileno())
        self._connection.close()
        self._writer.close()
        self._broker.gone(self)
        # The last one first, lest one begin because the one before it was ended.
        for _, request in sorted(self.handlers.items(), reverse=True):
            notify(request.abandon)
