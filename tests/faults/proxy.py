"""A TCP proxy between ssh and sshd, which holds, cuts or fragments what passes.

A connection is held when a given number of bytes has passed: so a run is brought to a stage
without a look at the clock.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
from collections.abc import Iterator

#: Directions, as seen from the controller.
UP, DOWN = "up", "down"

_PIECE = 1 << 16

#: Bytes in each direction that pass one by one: more than a login, the bundle and some tasks take.
FRAGMENTED = 100_000


class Connection:
    """One connection; each direction has a thread, which stops if it is held."""

    def __init__(self, client: socket.socket, server: socket.socket, is_fragmented: bool) -> None:
        self._sockets = {UP: (client, server), DOWN: (server, client)}
        #: Bytes that still pass one by one.
        self._singly = {name: FRAGMENTED if is_fragmented else 0 for name in (UP, DOWN)}
        self._changed = threading.Condition()
        #: Bytes that may still pass in a direction before the connection is held.
        self._left: dict[str, int] = {}
        #: The directions in which nothing passes.
        self._stopped: set[str] = set()
        self._is_over = False
        #: Whether nothing will ever pass again.
        self.is_dead = False
        self._wake: tuple[int, ...] = os.pipe()
        self.held = threading.Event()
        for each in (client, server):
            each.setblocking(False)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._threads = [
            threading.Thread(target=self._pass, args=(name,), daemon=True) for name in (UP, DOWN)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def hold(self, direction: str, after: int) -> None:
        """Hold this direction when so many bytes more have passed in it."""
        with self._changed:
            self.held.clear()
            self._left[direction] = after

    def stall(self) -> None:
        """Let nothing pass from now on, not after `resume` either."""
        with self._changed:
            self.is_dead = True
            self._stopped = {UP, DOWN}
            self.held.set()

    def resume(self) -> None:
        """Let everything pass from now on."""
        with self._changed:
            if self.is_dead:
                return
            self._stopped.clear()
            self._left.clear()
            self._changed.notify_all()

    def end(self, is_reset: bool, only: str = "") -> None:
        """End the connection, by a reset or as usual; `only` ends one side, "client" or "server".

        The other side learns nothing then: the connection is half open.
        """
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        os.write(self._wake[1], b"x")
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(20)
        client, server = self._sockets[UP]
        for name, each in (("client", client), ("server", server)):
            if only in ("", name):
                if is_reset:
                    linger = struct.pack("ii", 1, 0)
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                each.close()

    def close(self) -> None:
        if self._wake:
            with contextlib.suppress(OSError):
                self.end(True)
            for fd in self._wake:
                os.close(fd)
            self._wake = ()

    def _pass(self, direction: str) -> None:
        source, sink = self._sockets[direction]
        try:
            while self._wait(source, []):
                data = source.recv(_PIECE)
                if not self._send(direction, sink, data):
                    return
                if not data:
                    if self._may_pass(direction, 1):
                        sink.shutdown(socket.SHUT_WR)
                    return
        except (OSError, ValueError):  # a side was reset, which the other has to learn
            for each in (source, sink):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _send(self, direction: str, sink: socket.socket, data: bytes) -> bool:
        while data:
            size = self._may_pass(direction, len(data))
            if not size or not self._wait(None, [sink]):
                return False
            data = data[self._sent(direction, sink.send(data[:size])) :]
        return True

    def _may_pass(self, direction: str, wanted: int) -> int:
        """Return how much may pass now; wait while the connection is held; 0 at its end."""
        with self._changed:
            if self._left.get(direction) == 0:
                self._stopped.add(direction)
                self.held.set()
            self._changed.wait_for(lambda: self._is_over or direction not in self._stopped)
            if self._is_over:
                return 0
            wanted = 1 if self._singly[direction] else wanted
            return min(wanted, self._left.get(direction) or wanted)

    def _sent(self, direction: str, size: int) -> int:
        with self._changed:
            if direction in self._left:
                self._left[direction] = max(0, self._left[direction] - size)
            self._singly[direction] = max(0, self._singly[direction] - size)
        return size

    def _wait(self, source: socket.socket | None, sinks: list[socket.socket]) -> bool:
        """Wait until there is something to do; return False at the end of the connection."""
        sources = [self._wake[0], *([source] if source else [])]
        return self._wake[0] not in select.select(sources, sinks, [])[0]


class Proxy:
    """Listener on a port of its own; each connection to it is passed on to `port`."""

    def __init__(self, port: int) -> None:
        self.server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        #: What the next connections are like; `reset` sets both back.
        self.is_fragmented = False
        self.first: tuple[str, int] | None = None
        self.connections: list[Connection] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def last(self) -> Connection:
        """The connection that was made last."""
        return self.connections[-1]

    def hold_next(self, direction: str, after: int) -> None:
        """Hold the next connection when so many bytes have passed."""
        self.first = (direction, after)

    def end_dead(self) -> None:
        """End what passes nothing, as the host's side would do after some hours."""
        for connection in self.connections:
            if connection.is_dead:
                connection.close()

    def reset(self) -> None:
        """End all connections, and pass the next ones on as they are."""
        self.is_fragmented, self.first = False, None
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def close(self) -> None:
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.server_port), 10)
                except OSError:
                    client.close()
                    continue
                connection = Connection(client, server, self.is_fragmented)
                first, self.first = self.first, None
                if first:
                    connection.hold(*first)
                self.connections.append(connection)
                connection.start()


@contextlib.contextmanager
def passing_on(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
