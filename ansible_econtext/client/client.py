"""Client: a worker's end of a connection to the broker.

Requests and replies (`messages.py`) travel in frames of the library's own wire.  The socket is
local: its directory has mode 0700, the socket 0600, and each end checks the other's user.
"""

import contextlib
import itertools
import math
import socket
import struct
import threading
from typing import Any

from ansible_econtext.client import launcher, messages, rendezvous
from ansible_econtext.client.record import Record, RecordError
from ansible_econtext.core import fork_gate
from econtext.target import wire

#: The first number of a request that is no item of a loop.
_FIRST = 1 << 24

#: Bytes of a request above which a thread that sends it may wait for the broker.
_MUCH = 65536

#: Seconds that a broker has for an answer to anything but work, and to read a request; seconds of
#: silence after which one that does work is asked for a sign of life; seconds for a start.
ANSWER = 30.0

#: Seconds after which a broker has ended in any case (`broker.shutdown`), and a little more.
_LONGEST_END = 10.0


class BrokerGone(Exception):
    """Raised if the broker has ended, could not be started, or sent what it must not.

    Quotes the broker's log.
    """


class BrokerSilent(BrokerGone):
    """Raised if the broker in a directory is there and does not answer, as if it was stopped."""

    def __init__(self, directory: str) -> None:
        process = rendezvous.broker_of(directory)
        who = f"process {process}" if process else f"in {directory}"
        end = f"; `kill -9 {process}` ends it, and the next run starts another" if process else ""
        super().__init__(f"the broker, {who}, does not answer{end}")


class Client:
    """Connection to the broker, for one thread at a time, except `hang_up`.

    One thread may `tell` while another one receives.
    """

    def __init__(self, connection: socket.socket, directory: str) -> None:
        self._socket: socket.socket | None = connection
        self._directory = directory
        #: Held by a thread that sends, and by one that asks for a sign of life, which never waits
        #: for it.
        self._sending = threading.Lock()
        #: Whether the reply may take any time, as that to work.
        self._is_patient = False
        #: The number of the request for a sign of life that has no answer; 0 if there is none.
        self._asked = 0
        self._closed_because = "the connection to the broker is closed"
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
            raise BrokerGone(self._closed_because)
        self._is_patient = isinstance(request, messages.Work)
        try:
            data = wire.frame(wire.OPEN, number, messages.encode(request))
            if number:
                self._expected[number] = messages.replies_to(request)
            is_much = len(data) > _MUCH
            with self._sending, fork_gate.waiting() if is_much else contextlib.nullcontext():
                self._socket.sendall(data)
        except OSError as error:
            self.close()
            raise self._error(error) from error
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
            raise self._error(error) from error
        except BaseException:
            self.close()
            raise

    def _receive(self) -> list[tuple[int, messages.Reply]]:
        replies: list[tuple[int, messages.Reply]] = []
        while not replies:
            if self._socket is None:
                raise BrokerGone(self._closed_because)
            try:
                with fork_gate.waiting():
                    data = self._socket.recv(262144)
            except BlockingIOError:
                self._ask_if_alive()
                continue
            if not data:
                self.close()
                raise BrokerGone(self._why())
            try:
                for _, number, body in self._reader.feed(data):
                    reply = self._reply(number, body)
                    if number == self._asked:
                        self._asked = 0
                    else:
                        replies.append((number, reply))
            except (wire.ProtocolError, RecordError) as error:
                raise BrokerGone(f"the broker sent {error}") from error
        return replies

    def _ask_if_alive(self) -> None:
        """Ask a silent broker for a sign of life; raises BlockingIOError if it was asked before.

        Does not ask while another thread sends, which has a limit of its own, or after that has
        closed the connection.
        """
        if self._socket is None:
            return
        if self._asked or not self._is_patient:
            raise BlockingIOError
        if self._sending.acquire(blocking=False):
            try:
                self._asked = next(self._numbers)
                self._expected[self._asked] = messages.replies_to(messages.Alive())
                data = wire.frame(wire.OPEN, self._asked, messages.encode(messages.Alive()))
                self._socket.sendall(data)
            finally:
                self._sending.release()

    def _reply(self, number: int, body: bytes) -> messages.Reply:
        kinds = self._expected.pop(number, None)
        if kinds is None:
            raise RecordError("a reply that was not asked for")
        return messages.decode_reply(body, kinds)

    def end_broker(self) -> None:
        """Request the broker's end without waiting; `wait_for_end` waits for it."""
        self.tell(messages.End())

    def wait_for_end(self) -> None:
        """Wait for the requested end of the broker, `_LONGEST_END` at the most.

        Raises BrokerSilent.
        """
        self._limit_waiting()
        try:
            while True:  # replies to earlier requests may come before
                self.receive()
        except BrokerSilent:
            raise
        except BrokerGone:
            pass

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
            limit_waits(self._socket, _LONGEST_END)

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

    def _error(self, error: OSError) -> BrokerGone:
        """Return what an error of the socket means, of which later requests are told too."""
        if not isinstance(error, BlockingIOError):
            return BrokerGone(self._why())
        silent = BrokerSilent(self._directory)
        self._closed_because = str(silent)
        return silent

    def _why(self) -> str:
        said = launcher.log_of(self._directory)
        return "the broker process ended unexpectedly" + (f": {said}" if said else "")


def limit_waits(connection: socket.socket, seconds: float) -> None:
    """Limit each read and write of a socket; beyond, it raises BlockingIOError.

    A timeout of Python's own would have `connect` fail at once if many processes connect.
    """
    fraction, whole = math.modf(seconds)
    value = struct.pack("ll", int(whole), int(fraction * 1e6))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, option, value)
