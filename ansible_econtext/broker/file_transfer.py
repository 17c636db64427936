"""Transfer of files between the controller's disk and a call on a slave.

A file is read as fast as the call takes it, so that no whole file is held in memory.
"""

import contextlib
import os
from typing import IO

from econtext.controller.channels import Call
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
        data = self._source.read(_CHUNK)
        if data:
            self._call.write(wire.STDIN, data)
        else:
            self._source.close()
            self._call.end(wire.STDIN)


class Download:
    """Download to a file that gets its name only when it is complete."""

    def __init__(self, path: str) -> None:
        """Open a file beside `path`; raises OSError if that fails."""
        self._path = path
        self._part = f"{path}.econtext-{os.getpid()}"
        self._file = open(self._part, "wb")
        self._size = 0

    def take(self, stream: int, data: bytes) -> None:
        """Write a piece of the call's standard output; used as a call's `sink`."""
        if stream == wire.STDOUT and not self._file.closed:
            self._file.write(data)
            self._size += len(data)

    def complete(self, size: object) -> None:
        """Give the file its name.

        Raises OSError if its size is not the `size` that the target sent, or the disk is full.
        """
        self._file.close()
        if size != self._size:
            raise OSError(f"{self._size} of {size} bytes came")
        os.replace(self._part, self._path)

    def discard(self) -> None:
        """Remove the incomplete file; does nothing after `complete`."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._part)
