"""Connections of a worker to the broker, which is started if there is none.

Requests and replies (`messages.py`) travel in frames of the library's own wire.  The socket is
local: its directory has mode 0700, the socket 0600, and each end checks the other's user.
"""

import contextlib
import itertools
import socket
import sys
from typing import Any

from ansible_econtext.client import launcher, messages, rendezvous
from ansible_econtext.client.launcher import Endpoint
from ansible_econtext.client.record import Record, RecordError
from ansible_econtext.core import fork_gate
from econtext.target import wire

#: The first number of a request that is no item of a loop.
_FIRST = 1 << 24

#: Bytes of a request above which a thread that sends it may wait for the broker.
_MUCH = 65536

#: Seconds after which a broker has ended in any case (`broker.shutdown`), and a little more.
_LONGEST_END = 8.0


class BrokerGone(Exception):
    """Raised if the broker has ended, could not be started, or sent what it must not.

    Quotes the broker's log.
    """


class Client:
    """Connection to the broker, for one thread at a time, except `hang_up`."""

    def __init__(self, connection: socket.socket, directory: str) -> None:
        self._socket: socket.socket | None = connection
        self._directory = directory
        self._reader = wire.Reader(frozenset([wire.RESULT]), messages.LIMIT)
        #: Numbers of requests; items of a loop have lower ones.
        self._numbers = itertools.count(_FIRST)
        #: The kinds of replies that unanswered requests may have, by their numbers.
        self._expected: dict[int, tuple[type[Record], ...]] = {}

    def tell(self, request: messages.Request, number: int = 0) -> None:
        """Send a request without waiting.

        Its reply comes under the same number; under 0 the broker sends none, whatever happens.

        Raises BrokerGone.  An exception closes the connection, by which the broker knows
        that it must end the work.
        """
        if self._socket is None:
            raise BrokerGone("the connection to the broker is closed")
        try:
            data = wire.frame(wire.OPEN, number, messages.encode(request))
            if number:
                self._expected[number] = messages.replies_to(request)
            with fork_gate.waiting() if len(data) > _MUCH else contextlib.nullcontext():
                self._socket.sendall(data)
        except OSError as error:
            self.close()
            raise BrokerGone(self._why()) from error
        except BaseException:
            self.close()
            raise

    def ask(self, request: messages.Request) -> Any:
        """Send a request, wait for its reply and return it; raises as `tell` does.

        The reply is of a kind that `messages.REPLIES` has for the request, or for work Failed.
        A task's own timeout is such an exception.
        """
        number = next(self._numbers)
        self.tell(request, number)
        replies = self.receive()
        if [each for each, _ in replies] != [number]:
            self.close()
            raise BrokerGone("the broker sent a reply that was not asked for")
        reply = replies[0][1]
        if isinstance(reply, messages.Failed) and not isinstance(request, messages.Work):
            self.close()
            raise BrokerGone(reply.text)
        return reply

    def receive(self) -> list[tuple[int, messages.Reply]]:
        """Wait for replies; return each with its request's number; raises as `tell`."""
        try:
            return self._receive()
        except OSError as error:
            self.close()
            raise BrokerGone(self._why()) from error
        except BaseException:
            self.close()
            raise

    def _receive(self) -> list[tuple[int, messages.Reply]]:
        replies: list[tuple[int, messages.Reply]] = []
        while not replies:
            if self._socket is None:
                raise BrokerGone("the connection to the broker is closed")
            with fork_gate.waiting():
                data = self._socket.recv(262144)
            if not data:
                self.close()
                raise BrokerGone(self._why())
            try:
                replies += [self._reply(*each) for each in self._reader.feed(data)]
            except (wire.ProtocolError, RecordError) as error:
                raise BrokerGone(f"the broker sent {error}") from error
        return replies

    def _reply(self, _: int, number: int, body: bytes) -> tuple[int, messages.Reply]:
        kinds = self._expected.pop(number, None)
        if kinds is None:
            raise RecordError("a reply that was not asked for")
        return number, messages.decode_reply(body, kinds)

    def end_broker(self) -> None:
        """Request the broker's end without waiting; `wait_for_end` waits for it."""
        self.tell(messages.End())

    def wait_for_end(self) -> None:
        """Wait for the requested end of the broker, `_LONGEST_END` at the most."""
        self._limit_waiting()
        with contextlib.suppress(BrokerGone):
            while True:  # replies to earlier requests may come before
                self._receive()

    def leave(self) -> None:
        """Tell the broker that the run is over; `wait_until_left` waits for the reply."""
        self.tell(messages.Leave(), next(self._numbers))

    def wait_until_left(self) -> None:
        """Wait until the broker has removed the run's files on all hosts, then close."""
        self._limit_waiting()
        self.receive()
        self.close()

    def status(self) -> messages.BrokerStatus:
        """Return what the broker serves; waits `_LONGEST_END` at the most."""
        self._limit_waiting()
        return self.ask(messages.Status())

    def _limit_waiting(self) -> None:
        if self._socket is not None:
            self._socket.settimeout(_LONGEST_END)

    def is_quiet(self) -> bool:
        """Return whether the broker is there and has sent nothing that was not read."""
        if self._socket is None:
            return False
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def hang_up(self) -> None:
        """End another thread's wait for a reply, by BrokerGone; for any thread."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the broker then ends the requests that are active on it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def closed(self) -> bool:
        return self._socket is None

    def _why(self) -> str:
        said = launcher.log_of(self._directory)
        return "the broker process ended unexpectedly" + (f": {said}" if said else "")


def connect(endpoint: Endpoint, run: int) -> Client:
    """Return a connection to an endpoint's broker, which is started if need be.

    `run` is the process number of ansible-playbook: the broker serves it until it ends.
    Raises BrokerGone.  For any thread and any worker.
    """
    try:
        return _connect(endpoint, run)
    except OSError as error:
        raise BrokerGone(
            f"the broker cannot be started on the controller: {error} (it needs {sys.executable}, "
            "and room in a directory that this account can write: the settings `home` and "
            "`local_tmp` of Ansible say where)"
        ) from error


def _connect(endpoint: Endpoint, run: int) -> Client:
    for start_it in (False, True, False):
        found = _registered(endpoint.directory, run)
        if found is not None:
            return found
        # A starting broker holds the lock until it listens; a fork would hold a copy of it.
        with fork_gate.keeping_turn(), rendezvous.locked(endpoint.directory) as lock:
            found = _registered(endpoint.directory, run)
            if found is not None:
                return found
            if start_it:
                launcher.start(endpoint, run, lock)
    raise BrokerGone(f"the broker did not start: {launcher.log_of(endpoint.directory)}")


def start(endpoint: Endpoint, run: int) -> None:
    """Start a broker if none listens, without waiting until it does."""
    with rendezvous.locked(endpoint.directory) as lock:
        found = _registered(endpoint.directory, run)
        if found is None:
            launcher.start(endpoint, run, lock)
        else:
            found.close()


def _registered(directory: str, run: int) -> Client | None:
    """Return a connection to a broker that serves the run until it ends; or None."""
    found = connect_if_running(directory)
    if found is not None:
        try:
            found.ask(messages.Register(run))
        except BrokerGone:
            return None  # it was about to end
    return found


def connect_if_running(directory: str) -> Client | None:
    """Return a connection to a directory's broker; None if none listens."""
    try:
        return Client(_connected(directory), directory)
    except OSError:
        return None


def _connected(directory: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with rendezvous.address(directory) as path:
            connection.connect(path)
        rendezvous.check_peer(connection)
    except BaseException:
        connection.close()
        raise
    return connection
