"""Files between the controller's disk and a call, as fast as the call takes or gives them."""

import contextlib
import os
from typing import IO

from econtext.controller.channels import Call
from econtext.target import wire

_CHUNK = 8 * wire.MAX_DATA


class Upload:
    """Sends an open file to a call's standard input, and closes both at its end."""

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
    """A file that appears under its name when it is complete, and not before."""

    def __init__(self, path: str) -> None:
        """Raises OSError where no file can be made beside `path`."""
        self._path = path
        self._part = f"{path}.econtext-{os.getpid()}"
        self._file = open(self._part, "wb")
        self._size = 0

    def take(self, stream: int, data: bytes) -> None:
        if stream == wire.STDOUT and not self._file.closed:
            self._file.write(data)
            self._size += len(data)

    def complete(self, size: object) -> None:
        """Raises OSError where less came than the target sent, or the disk is full."""
        self._file.close()
        if size != self._size:
            raise OSError(f"{self._size} of {size} bytes came")
        os.replace(self._part, self._path)

    def discard(self) -> None:
        """Leave nothing half-written."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._part)
