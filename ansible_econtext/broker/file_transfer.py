"""Transfer of files between the controller's disk and a call on a slave.

A file is read as fast as the call takes it, so that no whole file is held in memory.
"""

import contextlib
import os
from typing import IO

from ansible_econtext.broker.target_modules import OPERATION_ERROR
from econtext.controller.channels import Call
from econtext.controller.errors import CallError
from econtext.target import wire

_CHUNK = 8 * wire.MAX_DATA


class Upload:
    """Upload of an open file to a call's standard input; closes both at the end."""

    def __init__(self, call: Call, source: IO[bytes]) -> None:
        self._call = call
        self._source = source
        call.future.add_done_callback(lambda future: source.close())
        call.on_drained = self._more
        self._more()

    def _more(self) -> None:
        if self._source.closed:
            return
        try:
            data = self._source.read(_CHUNK)
        except OSError as error:
            self._call.settle(CallError(OPERATION_ERROR, str(error)))
            self._call.kill()
            return
        if data:
            self._call.write(wire.STDIN, data)
        else:
            self._source.close()
            self._call.end(wire.STDIN)


class Download:
    """Download into a file that its worker made, and removes."""

    def __init__(self, path: str) -> None:
        """Open the file; raises OSError if that fails."""
        flags = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(path, flags), "wb")
        self._size = 0
        self._error: OSError | None = None

    def take(self, stream: int, data: bytes) -> None:
        """Write a piece of the call's standard output; used as a call's `sink`."""
        if stream != wire.STDOUT or self._file.closed or self._error is not None:
            return
        try:
            self._file.write(data)
        except OSError as error:  # which is for `complete` to raise, in the request's turn
            self._error = error
        self._size += len(data)

    def complete(self, size: object) -> None:
        """Close the file.

        Raises OSError if its size is not the `size` that the target sent, or the disk is full.
        """
        if self._error is not None:
            raise self._error
        self._file.close()
        if size != self._size:
            raise OSError(f"{self._size} of {size} bytes came")

    def close(self) -> None:
        """Close the file, complete or not."""
        with contextlib.suppress(OSError):
            self._file.close()
