"""The function's end of a call channel, in its call process.

Messages of `exchange` come on standard input, as REPLY frames, and go up as the body of a REPLY.
No part of the bundle: a slave is sent this for its first call channel.
"""

from __future__ import unicode_literals  # on Python 2, names are text too

import os
import threading

from econtext.target import call, compat, exchange, wire
from econtext.target.call_loop import take_input


def stream(*arguments, **keywords):
    # type: (*object, **object) -> None
    """Send what a generator function yields; its module and name come before its arguments."""
    end = ChannelEnd()
    function = call.find_function(*arguments[:2])  # type: ignore[arg-type]
    for value in function(*arguments[2:], **keywords):  # type: ignore[operator]
        end.send(value)


def channel(*arguments, **keywords):
    # type: (*object, **object) -> None
    """Call a function with its end of the channel; its module and name come before the rest."""
    end = ChannelEnd()
    function = call.find_function(*arguments[:2])  # type: ignore[arg-type]
    function(end, *arguments[2:], **keywords)  # type: ignore[operator]


class ChannelEnd(object):
    """End of a call channel that a function gets: sends values to the caller, and receives them.

    For any thread of the call process, but for no fork of it.
    """

    def __init__(self):
        # type: () -> None
        self._process = os.getpid()
        self._input = take_input()
        self._reader = wire.Reader(frozenset([wire.REPLY]))
        self._exchange = exchange.Exchange()
        self._is_over = False  # the caller has ended its direction
        self._changed = threading.Condition()
        self._is_read = False  # a thread reads the input, without the lock

    def send(self, value):
        # type: (object) -> None
        """Send a value; wait while the caller is a window behind.

        Raises EncodeError for a value that cannot be sent.
        """
        message = exchange.value_message(value)
        call.flush()  # the caller finds in the log what was printed before
        with self._changed:
            self._wait_for(lambda: self._exchange.may_send(message))
            self._exchange.sent(message)
            self._tell(message)

    def receive(self):
        # type: () -> object
        """Wait for the next value, and return it; raises EOFError if the caller sends no more."""
        with self._changed:
            self._wait_for(lambda: self._exchange.values or self._is_over)
            if not self._exchange.values:
                raise EOFError("the caller sends no more values")
            value, credit = self._exchange.next()
            if credit:
                self._tell(credit)
        return value

    def __iter__(self):
        # type: () -> object
        while True:
            try:
                value = self.receive()
            except EOFError:
                return
            yield value

    def _tell(self, message):
        # type: (bytes) -> None
        call.channel.send(wire.REPLY, message)  # type: ignore[attr-defined]

    def _wait_for(self, is_ready):
        # type: (object) -> None
        """Wait with the lock held; one of the waiting threads reads for all of them."""
        if os.getpid() != self._process:  # its values would break the link
            raise RuntimeError("a fork of the function's has no channel")
        while not is_ready():  # type: ignore[operator]
            if self._is_read:
                self._changed.wait()
            else:
                self._read()

    def _read(self):
        # type: () -> None
        self._is_read = True
        self._changed.release()
        try:
            data = compat.retry(os.read, self._input, 65536)
        finally:
            self._changed.acquire()
            self._is_read = False
            self._changed.notify_all()
        if not data:
            os._exit(0)  # the slave has gone
        for _, _, message in self._reader.feed(data):
            if message == exchange.END:
                self._is_over = True
            else:
                self._exchange.take(message)
