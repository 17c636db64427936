"""Properties of what a client can reach, and of the replies that it reads."""

from __future__ import annotations

import base64
import socket
from typing import Any

from ansible_econtext.broker import handlers, payload_archive
from ansible_econtext.broker.payload_store import PayloadStore
from ansible_econtext.broker.worker_connection import WorkerConnection
from ansible_econtext.client import messages, record
from econtext.target import codec, wire

from . import doubles
from .choices import TELLING, Choices, form

KINDS: tuple[type[record.Record], ...] = (messages.Ended, messages.Failed, messages.BrokerStatus)
PLAIN = ("Work", [], [], ("Exists", "/x"), False, "")
REQUESTS: tuple[Any, ...] = (
    PLAIN,
    ("Register", 1),
    ("Status",),
    ("Prepare", [("Hop", "ssh", "h", ["ssh"], "key", "", None, b"", b"", (), (), 0.0)]),
    ("Work", [], [("remove", "/x")], ("Put", "/a", "/b", 7), True, "*"),
    ("Ended", 0, b"", b"", False),
    ("Failed", "lost", "text"),
    ("BrokerStatus", 1, [1], 60.0, None, [("SlaveStatus", "n", "u", "p", 1, 1, 0.5)]),
)


def check_records(data: bytes) -> int:
    """Bytes are a request or reply, which goes out as it came, or RecordError."""
    choices = Choices(data)
    try:
        body = codec.encode(_changed(choices.of(REQUESTS), choices))
    except codec.EncodeError:
        body = choices.body()
    for each in (data, body):
        for decode in (messages.decode_request, lambda body: messages.decode_reply(body, KINDS)):
            try:
                found = decode(each)
            except record.RecordError:
                continue
            assert form(codec.decode(messages.encode(found))) == form(codec.decode(each))
    return 2


def _changed(value: Any, choices: Choices) -> Any:
    """A value with some of its parts replaced."""
    if not choices.is_over and not choices.below(8):
        return choices.value()
    if type(value) in (tuple, list):
        return type(value)(_changed(each, choices) for each in value)
    return value


def check_archive(data: bytes) -> int:
    """A payload is files, or ValueError; its base64 is none of the input's."""
    for each in (data, base64.b64encode(data)):
        try:
            payload_archive.unpack(each)
        except ValueError:
            pass
    return 2


class Broker:
    """Broker of which each request has the same slave."""

    def __init__(self) -> None:
        self.loop = doubles.Turns()
        link = doubles.link(self.loop)
        link.feed(wire.frame(wire.HELLO, 0, codec.encode(TELLING[-1])))
        self._pool, self._payloads = doubles.Pool(link, self.loop), PayloadStore()
        self.errors: list[Exception] = []

    def take(self, connection: Any, request: messages.Request, number: int) -> None:
        def reply(value: messages.Reply) -> None:
            connection.reply(value, number)

        if not isinstance(request, messages.Work):
            reply(messages.Done())
            return
        kind = handlers.HANDLERS[type(request.action)]
        handler = kind(self._pool, self._payloads, request, reply, bool(number), None)  # type: ignore
        handler.begin()
        if number and not handler.is_over:
            connection.handlers[number] = handler

    def report(self, callback: object, error: Exception) -> None:
        self.errors.append(error)

    def gone(self, connection: Any) -> None:
        pass


@doubles.no_disk_thread
def check_worker(data: bytes) -> int:
    """A connection takes requests, refuses them by a reply, or is closed; it never raises."""
    choices, broker = Choices(data), Broker()
    worker, own = socket.socketpair()
    with worker:
        connection = WorkerConnection(broker, own)  # type: ignore[arg-type]
        while not choices.is_over and own.fileno() >= 0:
            for piece in choices.pieces(_sent(choices)):
                if piece and own.fileno() >= 0:
                    worker.send(piece[:100_000])
                    connection._receive()
            broker.loop.run()
        connection.close()
        worker.setblocking(False)
        _answers(worker)
    for error in broker.errors:
        assert isinstance(error, wire.ProtocolError | ValueError | IndexError), error
    return choices.frames


def _sent(choices: Choices) -> bytes:
    choices.frames += 1
    if not choices.below(16):
        return choices.frame((wire.OPEN,))
    try:
        body = codec.encode(_changed(choices.of(REQUESTS), choices))
    except codec.EncodeError:
        body = choices.raw()
    return wire.frame(wire.OPEN, choices.below(4), body)


def _answers(worker: socket.socket) -> None:
    """Read what the worker was sent, which a client must be able to read."""
    reader = wire.Reader(frozenset([wire.RESULT]), messages.LIMIT)
    try:
        while received := worker.recv(1 << 20):
            for _, number, body in reader.feed(received):
                assert number
                messages.decode_reply(body, (messages.Reply,))
    except BlockingIOError:
        pass
