"""The broker process: owns the slaves of one run of Ansible, serves its workers.

It is started by `client.start`, ends when the process that it serves has ended,
and takes every slave with it.  It imports nothing of Ansible.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from ansible_econtext import client
from ansible_econtext.payloads import Payloads
from ansible_econtext.requests import Request, tidy
from ansible_econtext.slaves import Slaves
from econtext.target import codec, wire
from econtext.target.loop import Loop, Writer, read

#: Seconds between looks at whether the run still lives, where the kernel cannot tell us.
_LOOK = 0.5

#: Seconds that slaves are given to end by themselves.
_PATIENCE = 4


class Broker:
    """`directory` holds the socket; `parent` is the process with whose end this one ends;
    `lock` is a descriptor that is held until the socket listens."""

    def __init__(self, directory: pathlib.Path, parent: int, lock: int) -> None:
        self._directory = directory
        self._lock = lock
        self._parent = parent
        self._loop = Loop()
        self._loop.on_error = _report
        self._slaves = Slaves(self._loop)
        self._payloads = Payloads()
        self._lines: set[Line] = set()
        #: File operations under way, by their start: they go on when their worker is gone.
        self._unfinished: set[float] = set()
        self._ending = False
        self._trace = _open_trace()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def run(self) -> None:
        path = self._directory / client.SOCKET
        path.unlink(missing_ok=True)  # of a broker that was killed
        usual = os.umask(0o177)
        self._listener.bind(str(path))
        os.umask(usual)  # slaves of this machine inherit it, and so do their modules
        self._listener.listen(256)
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener.fileno(), self._accept)
        self._watch_parent()
        signal.set_wakeup_fd(self._loop.wake_write)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # by the run, and so by its modules
                signal.signal(number, lambda *_: self._loop.post(self.end))
        os.close(self._lock)  # workers wait for this
        self._loop.run()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _watch_parent(self) -> None:
        try:
            fd = os.pidfd_open(self._parent)
        except ProcessLookupError:
            self.end()
        except (AttributeError, OSError):  # not Linux, or an old one
            self._look_for_parent()
        else:
            self._loop.add_reader(fd, self.end)

    def _look_for_parent(self) -> None:
        try:
            os.kill(self._parent, 0)
        except ProcessLookupError:
            self.end()
        else:
            self._loop.call_later(_LOOK, self._look_for_parent)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        try:
            client.check_peer(connection)
        except PermissionError:
            connection.close()
            return
        self._lines.add(Line(self, connection))

    def take(self, line: "Line", request: dict[str, Any]) -> None:
        """Start on a request."""
        if request["do"] == "reset":
            self._slaves.forget(request["way"])
            line.reply({})
            return
        if request["do"] == "end":
            self.end(line)
            return
        if request["do"] == "prepare":
            self._slaves.find(request["way"], lambda found: None)
            return
        started = time.monotonic()

        def reply(value: dict[str, Any]) -> None:
            self._unfinished.discard(started)
            self._note(request, value, time.monotonic() - started)
            if not request.get("quiet"):
                line.reply(value)

        if request["do"] == "operations":
            self._unfinished.add(started)
        made = Request(self._slaves, self._payloads, request, reply)
        if not request.get("quiet"):
            line.request = made

    def _note(self, request: dict[str, Any], reply: dict[str, Any], seconds: float) -> None:
        """A line of the trace; no arguments, no output: those may be secret."""
        if self._trace is None:
            return
        slaves = {slave.link.name: slave.link.round_trips for slave in self._slaves.all()}
        note = {
            "do": request["do"],
            "name": request.get("name", ""),
            "outcome": next(iter(reply), "done"),
            "seconds": round(seconds, 6),
            "round_trips": slaves,
        }
        self._trace.write(json.dumps(note) + "\n")
        self._trace.flush()

    def gone(self, line: "Line") -> None:
        self._lines.discard(line)

    def end(self, asked_by: "Line | None" = None) -> None:
        """End the slaves, then this process; whoever asked for it has his line until then."""
        if self._ending:
            return
        self._ending = True
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()
        (self._directory / client.SOCKET).unlink(missing_ok=True)
        for line in list(self._lines):
            if line is not asked_by:
                line.close()
        self._when(lambda: not self._unfinished, self._tidy)

    def _when(self, done: Callable[[], bool], then: Callable[[], None]) -> None:
        """Go on when something is done, or has taken too long."""
        deadline = time.monotonic() + _PATIENCE / 2

        def look() -> None:
            if done() or time.monotonic() > deadline:
                then()
            else:
                self._loop.call_later(0.01, look)

        look()

    def _tidy(self) -> None:
        """Remove what nobody asked for: a ~/.ansible/tmp that was made and is empty."""
        slaves = [slave for slave in self._slaves.all() if slave.link.error is None]
        calls = [tidy(slave) for slave in slaves if slave.left]
        self._when(lambda: all(call.future.done() for call in calls), self._close_slaves)

    def _close_slaves(self) -> None:
        self._slaves.close()
        self._loop.call_later(_PATIENCE, self._slaves.kill)
        self._loop.call_later(_PATIENCE + 1, self._loop.stop)
        self._wait_for_slaves()

    def _wait_for_slaves(self) -> None:
        if self._slaves.count == 0:
            self._loop.stop()
        else:
            self._loop.call_later(0.02, self._wait_for_slaves)


class Line:
    """A worker's connection."""

    def __init__(self, broker: Broker, connection: socket.socket) -> None:
        self._broker = broker
        self._connection = connection
        connection.setblocking(False)
        self._reader = wire.Reader(frozenset([wire.OPEN]), client.LIMIT)
        self._writer = Writer(broker._loop, os.dup(connection.fileno()))
        self.request: Request | None = None
        broker._loop.add_reader(connection.fileno(), self._receive)

    def _receive(self) -> None:
        data = read(self._connection.fileno(), 262144)
        if data is None:
            return
        if not data:
            self.close()
            return
        for _, _, body in self._reader.feed(bytes(data)):  # type: ignore[call-overload]
            request = codec.decode(body)
            assert isinstance(request, dict)
            try:
                self._broker.take(self, request)
            except Exception as error:  # a worker that gets no reply would wait for ever
                _report(self._broker.take, error)
                self.reply({"failed": "lost", "text": f"internal error: {error}"})

    def reply(self, value: dict[str, Any]) -> None:
        self.request = None
        if self._connection.fileno() >= 0:
            self._writer.write(wire.frame(wire.RESULT, 0, codec.encode(value)))

    def close(self) -> None:
        """The worker is gone, and with it the interest in what it asked for."""
        self._broker._loop.remove_reader(self._connection.fileno())
        self._connection.close()
        self._writer.close()
        self._broker.gone(self)
        if self.request is not None:
            self.request.abandon()


def _open_trace() -> Any:
    path = os.environ.get("ANSIBLE_ECONTEXT_TRACE")
    return open(path, "a") if path else None


def _report(callback: object, error: Exception) -> None:
    """A fault of ours: told to whoever reads the log, which a worker's error quotes."""
    print(f"internal error in {callback!r}", file=sys.stderr)
    traceback.print_exception(error, file=sys.stderr)
    sys.stderr.flush()


def main(directory: str, parent: str, lock: str) -> None:
    Broker(pathlib.Path(directory), int(parent), int(lock)).run()
