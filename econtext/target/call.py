"""Code of a call process: it runs one call, and ends.

Nothing of this runs in the slave's own process.
"""

from __future__ import unicode_literals  # on Python 2, tags and names are text too

import errno
import os
import signal
import sys
import threading
import traceback

from econtext.target import codec, compat, store, wire

#: Characters of an error's text, and of its traceback, that are sent.
MAX_TEXT = 65536

#: This process's importer, for functions that add modules of their own, and its channel to the
#: slave, for those that reply more than once.
importer = None  # type: object
channel = None  # type: object


class Socket(object):
    """Blocking end of a call process's socket to the slave.

    Any thread may send; only the main thread receives.
    """

    def __init__(self, fd):
        # type: (int) -> None
        self.fd = fd
        self._file = os.fstat(fd)[1:3]  # inode and device
        self._lock = threading.Lock()
        self._reader = wire.Reader(frozenset([wire.CALL, wire.SOURCES]))
        self._messages = []  # type: list

    def send(self, kind, body):
        # type: (int, bytes) -> None
        """Send a message whole; raises OSError if the descriptor is another file's by now."""
        if os.fstat(self.fd)[1:3] != self._file:  # as of a daemon that closed all it had
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        data = wire.frame(kind, 0, body)
        with self._lock:  # a function's threads may log at the same time
            while data:
                data = data[compat.retry(os.write, self.fd, data) :]  # type: ignore[misc]

    def receive(self):
        # type: () -> tuple
        """Return (kind, body) of the next message; end the process if the slave has gone."""
        while not self._messages:
            data = compat.retry(os.read, self.fd, 65536)
            if not data:
                os._exit(0)
            self._messages += self._reader.feed(data)
        kind, _, body = self._messages.pop(0)
        return kind, body


def main():
    # type: () -> None
    """Wait for the call, run it, and send its value or error.

    A fork of the function's that returns here sends nothing: a call has one result.
    """
    process = os.getpid()
    _, body = channel.receive()
    request = codec.decode(body)
    importer.offered = frozenset(request["offered"])
    importer.ask = _ask
    result = run(request)
    finish()
    if os.getpid() == process:
        channel.send(wire.RESULT, result)


def run(request):
    # type: (dict) -> bytes
    """Call a function, and return its encoded value or error."""
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
    return result


def finish():
    # type: () -> None
    """Do what an interpreter does at its end, so that no output or handler is lost."""
    try:
        compat.exit_handlers()
    except BaseException:
        traceback.print_exc()
    flush()


def flush():
    # type: () -> None
    """Write out what the function printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (IOError, OSError, ValueError, AttributeError):
            pass  # the function closed or replaced it: there is nothing to flush


def find_function(module, name):
    # type: (str, str) -> object
    """Import and return a function; its name may be of the form `Class.method`."""
    __import__(str(module))
    found = sys.modules[str(module)]
    for part in name.split("."):
        found = getattr(found, str(part))
    return found


def _keywords(keywords):
    # type: (dict) -> dict
    return {str(name): value for name, value in keywords.items()}  # Python 2 wants str


def _ask(name):
    # type: (str) -> object
    channel.send(wire.WANT, name.encode("utf-8"))
    _, body = channel.receive()
    entry = codec.decode(body)
    if entry is None:
        return None
    is_package, filename, content = entry
    return store.Module(is_package, filename, importer.store.add(content))


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
        return _cut(compat.error_text(error))
    except Exception:
        return "(an error without a readable text)"


def _trace():
    # type: () -> str
    return _cut(compat.from_native(traceback.format_exc()))


def _cut(text):
    # type: (str) -> str
    """Return a text without its middle, if it is too long."""
    half = MAX_TEXT // 2
    return text if len(text) <= MAX_TEXT else text[:half] + "..." + text[-half:]


def enter(sock, stdio, lifeline):
    # type: (int, tuple, int) -> Socket
    """Make this fork of the slave a call process, and return its channel to the slave.

    It gets a session and descriptors of its own.
    """
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    if "random" in sys.modules:
        sys.modules["random"].seed()  # else each call would draw the same numbers
    for number, fd in enumerate(stdio):
        os.dup2(fd, number)
    close_all_but(sock, lifeline)
    for fd in (sock, lifeline):
        compat.keep_from_commands(fd)
    _die_with(lifeline)
    return Socket(sock)


def close_all_but(*kept):
    # type: (int) -> None
    """Close all descriptors but these and the first three."""
    try:
        numbers = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        numbers = []
    # There is no such list, or FreeBSD's, which has the first three alone.
    for fd in numbers if kept[0] in numbers else range(3, 1024):
        if fd > 2 and fd not in kept:
            try:
                os.close(fd)
            except OSError:
                pass  # the descriptor that listdir itself used


def _die_with(lifeline):
    # type: (int) -> None
    """Have the kernel end this process and its commands when the slave dies.

    The slave alone holds the other end of this pipe.  When it dies, by any signal, this
    process group gets SIGIO, whose default action ends it.  If a kernel does not know
    this for pipes, the call goes on to its end.
    """
    import fcntl

    signal.signal(signal.SIGIO, signal.SIG_DFL)
    try:
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpid())
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_NONBLOCK | getattr(os, "O_ASYNC", 0x2000))
    except (OSError, IOError):
        pass


def live_without(lifeline):
    # type: (int) -> None
    """Undo `_die_with` for all processes that hold this pipe; for the slave."""
    import fcntl

    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)  # which `_die_with` has set
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags & ~getattr(os, "O_ASYNC", 0x2000))
