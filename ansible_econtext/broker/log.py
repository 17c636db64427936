"""Log of the broker: its internal errors, which errors of workers quote."""

import io
import os

from econtext.controller.printable import printable

#: Bytes of the file at the most.
MAX_SIZE = 256 * 1024


class Log(io.TextIOBase):
    """Standard error of the broker, on the descriptor of a file.

    An internal error may quote a target, and come again without end.  So what is written is
    printable, and where it would be too long, the file begins anew.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, text: str) -> int:
        """Write a text; a disk that is full loses it."""
        data = printable(text).encode()[-MAX_SIZE:]
        try:
            if os.fstat(self._fd).st_size + len(data) > MAX_SIZE:
                os.ftruncate(self._fd, 0)
                os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, data)
        except OSError:
            pass
        return len(text)
