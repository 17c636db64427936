"""Loop of a call session: one call process that runs one call after another.

Requests come on standard input, in frames: a CALL each, and a CLOSE for one that is withdrawn
before its turn.  Each has a REPLY, and that of a call comes in the order of the requests.  No part
of the bundle: a slave is sent this for its first call session.
"""

from __future__ import unicode_literals  # on Python 2, tags are text too

import os
import select
import signal

from econtext.target import call, codec, compat, wire

#: Seconds that the functions have which are to be called at the end of the process.
_PATIENCE = 2


def serve():
    # type: () -> None
    """Run calls until the input ends, then end this process with all that it started.

    Returns in a fork of a function's alone: a call has one reply.
    """
    process = os.getpid()
    requests = Requests(take_input())
    for module, function, arguments, keywords, offered in requests:
        importer = call.importer  # type: object
        importer.offered |= frozenset(offered)  # type: ignore[attr-defined]
        reply = call.run(
            {
                "module": module,
                "function": function,
                "arguments": arguments,
                "keywords": keywords,
                "log_level": None,  # records are sent from the begin of the loop on
            }
        )
        call.flush()
        if os.getpid() != process:
            return
        requests.look()  # a withdrawn request is known as that before it could be the next one
        call.channel.send(wire.REPLY, reply)  # type: ignore[attr-defined]
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_PATIENCE)
    call.finish()
    # The slave ends what a call process started, if a signal has ended that.
    os.kill(process, signal.SIGKILL)


def take_input():
    # type: () -> int
    """Return a descriptor of this process's input, in whose place is one at its end."""
    taken = compat.keep_from_commands(os.dup(0))
    nothing, end = os.pipe()
    os.close(end)
    os.dup2(nothing, 0)
    os.close(nothing)
    return taken


class Requests(object):
    """Requests in the order in which they came, without those that were withdrawn."""

    def __init__(self, descriptor):
        # type: (int) -> None
        self._descriptor = descriptor
        self._reader = wire.Reader(frozenset([wire.CALL, wire.CLOSE]))
        self._waiting = []  # type: list  # (number, body)
        self._is_over = False

    def __iter__(self):
        # type: () -> object
        while True:
            while not self._waiting and not self._is_over:
                self._read()
            if not self._waiting:
                return
            yield codec.decode(self._waiting.pop(0)[1])

    def look(self):
        # type: () -> None
        """Take what has come, without a wait."""
        while not self._is_over and select.select([self._descriptor], [], [], 0)[0]:
            self._read()

    def _read(self):
        # type: () -> None
        data = compat.retry(os.read, self._descriptor, 65536)
        self._is_over = not data
        for kind, number, body in self._reader.feed(data):
            if kind == wire.CALL:
                self._waiting.append((number, body))
            else:
                self._withdraw(number)

    def _withdraw(self, number):
        # type: (int) -> None
        left = [request for request in self._waiting if request[0] != number]
        if len(left) < len(self._waiting):
            self._waiting = left
            reply = codec.encode(("withdrawn", number))
            call.channel.send(wire.REPLY, reply)  # type: ignore[attr-defined]
