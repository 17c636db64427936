"""I/O loop: waits for descriptors and times, calls back.  It makes no decisions.

The slave and the controller run the same loop.  It has one thread; other threads may
call `post` alone.
"""

import errno
import heapq
import itertools
import os
import select
import time

from econtext.target import compat

READ_SIZE = 65536
# POLLERR, POLLHUP and POLLNVAL with POLLIN and POLLPRI, or POLLOUT: a Python may lack the names.
_READABLE, _WRITABLE = 59, 60

# time.monotonic came with Python 3.3; a clock that is set back on 2.7 delays a timer.
monotonic = getattr(time, "monotonic", time.time)


class Timer(object):
    """Call at a later time, which can be cancelled."""

    def __init__(self, callback):
        # type: (object) -> None
        self.callback = callback

    def cancel(self):
        # type: () -> None
        self.callback = None


class Loop(object):
    """Loop over readers, writers, timers and callbacks of other threads."""

    def __init__(self):
        # type: () -> None
        self._poll = hasattr(select, "poll") and select.poll()  # type: object
        self._refused = set()  # type: set  # what `poll` took for no descriptor
        self._readers = {}  # type: dict
        self._writers = {}  # type: dict
        self._timers = []  # type: list
        self._order = itertools.count()
        self._posted = []  # type: list
        self._soon = []  # type: list
        self._running = False
        #: Called with (callback, exception) when a callback raises; None raises it on.
        self.on_error = None  # type: object
        self.wake_read, self.wake_write = os.pipe()
        for fd in (self.wake_read, self.wake_write):
            compat.keep_from_commands(fd)
            compat.set_blocking(fd, False)
        self.add_reader(self.wake_read, self._woken)

    def add_reader(self, fd, callback):
        # type: (int, object) -> None
        self._readers[fd] = callback
        self._watch(fd)

    def remove_reader(self, fd):
        # type: (int) -> None
        if self._readers.pop(fd, None):
            self._watch(fd)

    def add_writer(self, fd, callback):
        # type: (int, object) -> None
        self._writers[fd] = callback
        self._watch(fd)

    def remove_writer(self, fd):
        # type: (int) -> None
        if self._writers.pop(fd, None):
            self._watch(fd)

    def _watch(self, fd):
        # type: (int) -> None
        mask = (fd in self._readers and _READABLE) | (fd in self._writers and _WRITABLE)
        try:
            if mask:
                self._poll.register(fd, mask)
            else:
                self._poll.unregister(fd)
        except (AttributeError, KeyError):  # there is no `poll`, or it does not watch this
            pass

    def call_later(self, delay, callback):
        # type: (float, object) -> Timer
        """Call `callback` after `delay` seconds; return its timer."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (monotonic() + delay, next(self._order), timer))
        return timer

    def soon(self, callback):
        # type: (object) -> None
        """Call `callback` after all events that are ready now."""
        self._soon.append(callback)

    def post(self, callback):
        # type: (object) -> None
        """Call `callback` in the loop's thread, soon; for any thread and signal handlers."""
        self._posted.append(callback)
        try:
            os.write(self.wake_write, b"p")
        except (OSError, IOError):  # the pipe is full: the loop wakes up anyway
            pass

    def stop(self):
        # type: () -> None
        self._running = False

    def run(self):
        # type: () -> None
        """Run until `stop`."""
        self._running = True
        while self._running:
            self.run_once()

    def run_once(self):
        # type: () -> None
        """Wait for the next events, and handle them."""
        try:
            ready = self._ready(self._timeout())
        except select.error as error:
            if error.args[0] != errno.EINTR:
                raise
            ready = []
        for fd, event in ready:
            # A callback may have removed what another event was for.
            if event & _READABLE and fd in self._readers:
                self._call(self._readers[fd])
            if event & _WRITABLE and fd in self._writers:
                self._call(self._writers[fd])
            if event & 32:  # POLLNVAL, as of each terminal on macOS: it is looked at now and then
                self._poll.register(fd, 0)  # as a callback may have removed it
                self._poll.unregister(fd)
                if not self._refused:
                    self.call_later(0.05, self._look)
                self._refused.add(fd)
        self._call_soon()  # before the timers: one may fork, and frames would wait for it
        while self._timers and self._timers[0][0] <= monotonic():
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                self._call(callback)
        self._call_soon()

    def _look(self):
        # type: () -> None
        while self._refused:
            self._watch(self._refused.pop())

    def _ready(self, timeout):
        # type: (object) -> list
        if self._poll:
            return self._poll.poll(timeout)
        timeout = timeout and timeout / 1000.0  # type: ignore[operator]
        ready = select.select(list(self._readers), list(self._writers), [], timeout)
        return [(fd, 1) for fd in ready[0]] + [(fd, 4) for fd in ready[1]]  # POLLIN, POLLOUT

    def _call_soon(self):
        # type: () -> None
        while self._soon:
            self._call(self._soon.pop(0))

    def _timeout(self):
        # type: () -> object
        if self._soon:
            return 0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        # Rounded up: the loop would spin if a poll ended too early.
        return max(0, int((self._timers[0][0] - monotonic()) * 1000) + 1)

    def _woken(self):
        # type: () -> None
        read(self.wake_read)
        for _ in range(len(self._posted)):  # each by itself: a thread may be adding one now
            self._call(self._posted.pop(0))

    def _call(self, callback):
        # type: (object) -> None
        try:
            callback()  # type: ignore[operator]
        except Exception as error:
            if self.on_error is None:
                raise
            self.on_error(callback, error)

    def close(self):
        # type: () -> None
        for fd in (self.wake_read, self.wake_write):
            os.close(fd)


def read(fd, size=READ_SIZE):
    # type: (int, int) -> object
    """Return what is there to read: b"" at the end of file, None if nothing is yet."""
    try:
        return compat.retry(os.read, fd, size)
    except (OSError, IOError) as error:
        if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
            return None
        # EIO means end of file: a terminal's, whose other end is closed.
        if error.errno in (errno.EIO, errno.ECONNRESET, errno.EPIPE, errno.EBADF):
            return b""
        raise


class Writer(object):
    """Writer to a descriptor, which keeps what its reader has not yet taken.

    `on_written(size)` is called as data goes out.  When the reader has gone, the rest
    is dropped (`broken` is true) and counts as written.
    """

    def __init__(self, loop, fd, on_written=None):
        # type: (Loop, int, object) -> None
        compat.set_blocking(fd, False)
        self._loop = loop
        self.fd = fd  # type: object
        self._on_written = on_written
        self._waiting = []  # type: list
        self.waiting = 0  # bytes
        self._closing = False
        self.broken = False

    def write(self, data):
        # type: (bytes) -> None
        if self.fd is None or self.broken:
            self._written(len(data))
            return
        idle = not self._waiting
        self._waiting.append(memoryview(data))  # of which a part is no copy
        self.waiting += len(data)
        if idle:
            self._flush()
            if self._waiting:
                self._loop.add_writer(self.fd, self._flush)

    def close(self):
        # type: () -> None
        """Close the descriptor after all is written."""
        self._closing = True
        if not self._waiting:
            self.abandon()

    def abandon(self):
        # type: () -> None
        """Close the descriptor now, and drop the rest."""
        if self.fd is not None:
            self._loop.remove_writer(self.fd)
            os.close(self.fd)  # type: ignore[arg-type]
            self.fd = None
            self._waiting, self.waiting = [], 0

    def _flush(self):
        # type: () -> None
        while self._waiting:
            data = self._waiting[0]
            try:
                size = compat.retry(os.write, self.fd, data[:READ_SIZE])
            except (OSError, IOError) as error:
                if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK):
                    self._break()
                return
            if size == len(data):
                self._waiting.pop(0)
            else:
                self._waiting[0] = data[size:]
            self.waiting -= size
            self._written(size)
        self._loop.remove_writer(self.fd)
        if self._closing:
            self.abandon()

    def _break(self):
        # type: () -> None
        self.broken = True
        size, self.waiting = self.waiting, 0
        self._waiting = []
        self._loop.remove_writer(self.fd)
        self._written(size)
        if self._closing:
            self.abandon()

    def _written(self, size):
        # type: (int) -> None
        if self._on_written is not None:
            self._on_written(size)  # type: ignore[operator]
