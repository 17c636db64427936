"""Runs in a call process, and nowhere else: one call, then the end of the process."""

from __future__ import unicode_literals  # on Python 2, tags and names are text too

import os
import signal
import sys
import threading
import traceback

from econtext.target import codec, compat, store, wire

#: This process's importer, for functions that bring modules of their own.
importer = None  # type: object

#: What a module that was imported ahead wants done in each call process: `before(fd)` while it
#: waits for its call to come on this descriptor, `after()` when the result was sent.
before = after = lambda *arguments: None


class Channel(object):
    """The call process's blocking end of its socket to the slave."""

    def __init__(self, fd):
        # type: (int) -> None
        self.fd = fd
        self._lock = threading.Lock()
        self._reader = wire.Reader(frozenset([wire.CALL, wire.SOURCES]))
        self._messages = []  # type: list

    def send(self, kind, body):
        # type: (int, bytes) -> None
        data = wire.frame(kind, 0, body)
        with self._lock:  # a function's threads may log at the same time
            while data:
                data = data[compat.retry(os.write, self.fd, data) :]  # type: ignore[misc]

    def receive(self):
        # type: () -> tuple
        """(kind, body) of the next message; ends the process when the slave is gone."""
        while not self._messages:
            data = compat.retry(os.read, self.fd, 65536)
            if not data:
                os._exit(0)
            self._messages += self._reader.feed(data)
        kind, _, body = self._messages.pop(0)
        return kind, body


def main(channel, slaves_importer):
    # type: (Channel, object) -> None
    """Wait for the call, run it, send what comes of it."""
    global importer
    importer = slaves_importer
    before(channel.fd)
    _, body = channel.receive()
    request = codec.decode(body)
    importer.offered = frozenset(request["offered"])
    importer.ask = lambda name: _ask(channel, importer.store, name)
    try:
        function = find_function(request["module"], request["function"])
        if "logging" in sys.modules and request["log_level"] is not None:
            from econtext.target import log_handler

            log_handler.install(channel, request["log_level"])
        outcome = ("value", function(*request["arguments"], **_keywords(request["keywords"])))
        result = codec.encode(outcome)
        if len(result) > wire.MAX_MESSAGE:
            raise codec.EncodeError("a result of %d bytes is too long to send" % len(result))
    except SystemExit as error:
        result = codec.encode(("error", "SystemExit", _text(error), ""))
    except BaseException as error:
        result = codec.encode(("error", _kind(error), _text(error), _trace()))
    finish()
    channel.send(wire.RESULT, result)
    after()


def finish():
    # type: () -> None
    """What an interpreter does at its end, so that no output and no handler is lost."""
    try:
        compat.exit_handlers()
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (IOError, OSError, ValueError, AttributeError):
            pass  # closed or replaced by the function: there is nothing to flush


def find_function(module, name):
    # type: (str, str) -> object
    """Import the function; its name may lead through classes (`Class.method`)."""
    __import__(str(module))
    found = sys.modules[str(module)]
    for part in name.split("."):
        found = getattr(found, str(part))
    return found


def _keywords(keywords):
    # type: (dict) -> dict
    return {str(name): value for name, value in keywords.items()}  # Python 2 wants str


def _ask(channel, kept, name):
    # type: (Channel, store.Store, str) -> object
    channel.send(wire.WANT, name.encode("utf-8"))
    _, body = channel.receive()
    entry = codec.decode(body)
    if entry is None:
        return None
    is_package, filename, content = entry
    return store.Module(is_package, filename, kept.add(content))


def _kind(error):
    # type: (BaseException) -> str
    kind = type(error)
    name = kind.__name__
    if kind.__module__ not in ("builtins", "exceptions"):
        name = "%s.%s" % (kind.__module__, name)
    return "%s" % name


def _text(error):
    # type: (BaseException) -> str
    try:
        return compat.error_text(error)
    except Exception:
        return "(an error without a readable text)"


def _trace():
    # type: () -> str
    return compat.from_native(traceback.format_exc())


def enter(sock, stdio, lifeline):
    # type: (int, tuple, int) -> Channel
    """Make a forked copy of the slave a call process: alone, with descriptors of its own."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    if "random" in sys.modules:
        sys.modules["random"].seed()  # else each call would draw the same numbers
    for number, fd in enumerate(stdio):
        os.dup2(fd, number)
    close_all_but(sock, lifeline)
    _die_with(lifeline)
    return Channel(sock)


def close_all_but(*kept):
    # type: (int) -> None
    """Close all descriptors but these and the first three."""
    try:
        numbers = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        numbers = list(range(3, 1024))
    for fd in numbers:
        if fd > 2 and fd not in kept:
            try:
                os.close(fd)
            except OSError:
                pass  # the one that listdir itself used


def _die_with(lifeline):
    # type: (int) -> None
    """Have the kernel end this process and its commands when the slave is gone.

    The slave holds the other end of this pipe, and it alone: when it dies, by
    whatever signal, we get SIGIO, whose default action is to end us.  Where a
    kernel does not know this for pipes, the call goes on to its end.
    """
    import fcntl

    signal.signal(signal.SIGIO, signal.SIG_DFL)
    try:
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpid())
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_NONBLOCK | getattr(os, "O_ASYNC", 0x2000))
    except (OSError, IOError):
        pass
