"""Transfer of files between the controller's disk and a call on a slave.

A file is read and written as fast as the call goes, so that no whole file is held in memory.  The
file's own operations are done in a thread of the transfer: a disk that is slow, or a server of
files that has gone, delays no other host.
"""

import contextlib
import functools
import os
import queue
import threading
from collections.abc import Callable
from typing import IO, Any

from ansible_econtext.broker.calls import CollectingCall
from ansible_econtext.broker.target_modules import OPERATION_ERROR
from econtext.controller.errors import CallError
from econtext.target import wire
from econtext.target.loop import Loop

_CHUNK = 8 * wire.MAX_DATA

#: Seconds in which a part of a file must be taken or must come: a disk may be slow, or away for a
#: while.
_LONGEST_STALL = 600.0


class DiskThread:
    """Thread that does operations on one file, in their order, for the loop's thread."""

    #: The file, once an operation has opened it; the thread's.
    file: IO[bytes] | None = None

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._operations: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def do(self, operation: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do an operation, then call `then` in the loop's thread with its value or exception."""
        self._operations.put((operation, then))

    def close(self) -> None:
        """Close the file if it is open; an operation."""
        if self.file is not None:
            self.file.close()

    def end(self) -> None:
        """Close the file, and end the thread."""
        self._operations.put((self.close, None))

    def _run(self) -> None:
        then: Any = self.do
        while then is not None:
            operation, then = self._operations.get()
            try:
                outcome = operation()
            except Exception as error:
                outcome = error
            if then is not None:
                # No partial, whose text would hold a part of the file: an error quotes it.
                self._loop.post(lambda then=then, outcome=outcome: then(outcome))


class Upload:
    """Upload of a file to the standard input of a call.

    `begin` is called with the file's size when it is open, and returns the call, or None if it is
    not wanted any more; `failed` with the error if it cannot be opened.
    """

    def __init__(
        self,
        loop: Loop,
        path: str,
        begin: Callable[[int], CollectingCall | None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._loop = loop
        self._begin = begin
        self._failed = failed
        self._disk = DiskThread(loop)
        self._disk.do(functools.partial(self._open, path), self._opened)

    def _open(self, path: str) -> int:
        self._disk.file = open(path, "rb")
        return os.fstat(self._disk.file.fileno()).st_size

    def _opened(self, size: int | Exception) -> None:
        call = None
        if isinstance(size, Exception):
            self._failed(size)
        else:
            call = self._begin(size)
        if call is None:
            self._disk.end()
            return
        self._call = call
        limit_stall(call, self._loop)
        self._is_reading = False
        call.on_drained = self._more
        call.future.add_done_callback(self._over)
        self._more()

    def _over(self, future: object) -> None:
        self._call.on_drained = None
        self._disk.end()

    def _more(self) -> None:
        """Ask the disk's thread for the next piece, unless it is reading one."""
        if not self._is_reading:
            self._is_reading = True
            assert self._disk.file is not None
            self._disk.do(functools.partial(self._disk.file.read, _CHUNK), self._take)

    def _take(self, data: bytes | Exception) -> None:
        self._is_reading = False
        if isinstance(data, Exception):
            _fail(self._call, data)
        elif data:
            self._call.write(wire.STDIN, data)
        else:
            self._call.on_drained = None
            self._call.end(wire.STDIN)


class Download:
    """Download of a call's standard output into a file that its worker made, and removes."""

    def __init__(self, loop: Loop, path: str, call: CollectingCall) -> None:
        self._call = call
        limit_stall(call, loop)
        self._size = 0
        self._disk = DiskThread(loop)
        self._disk.do(functools.partial(self._open, path), functools.partial(self._done, 0))
        call.sink = self._take
        call.future.add_done_callback(lambda future: self._disk.end())

    def _open(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW
        self._disk.file = os.fdopen(os.open(path, flags), "wb")

    def _write(self, data: bytes) -> None:
        if self._disk.file is not None:
            self._disk.file.write(data)

    def _take(self, stream: int, data: bytes) -> None:
        """Hand a piece to the disk's thread; the slave gets credit for it when it is written."""
        if stream != wire.STDOUT:
            self._call.credit(len(data))
            return
        self._size += len(data)
        written = functools.partial(self._done, len(data))
        self._disk.do(functools.partial(self._write, data), written)

    def _done(self, size: int, outcome: Exception | None) -> None:
        self._call.credit(size)
        if outcome is not None:
            _fail(self._call, outcome)

    def complete(self, size: object, then: Callable[[Exception | None], None]) -> None:
        """Close the file, then call `then` with None, or with the error of the disk.

        It is an error if the file's size is not the `size` that the target sent.
        """
        if size == self._size:
            self._disk.do(self._disk.close, then)
        else:
            then(OSError(f"{self._size} of {size} bytes came"))


def limit_stall(call: CollectingCall, loop: Loop) -> None:
    """End a transfer with an error if its target takes nothing and sends nothing for long."""
    timer = loop.call_later(_LONGEST_STALL, lambda: look(0))

    def look(before: int) -> None:
        nonlocal timer
        if call.moved != before:
            timer = loop.call_later(_LONGEST_STALL, functools.partial(look, call.moved))
            return
        text = f"the target took nothing, and sent nothing, for {_LONGEST_STALL:g} seconds"
        _fail(call, OSError(text))

    call.future.add_done_callback(lambda future: timer.cancel())


def _fail(call: CollectingCall, error: Exception) -> None:
    call.settle(CallError(OPERATION_ERROR, str(error)))
    call.kill()


def remove(path: str) -> None:
    """Remove a file, if it is there, without waiting for its disk."""

    def unlink() -> None:
        with contextlib.suppress(OSError):
            os.unlink(path)

    threading.Thread(target=unlink, daemon=True).start()
