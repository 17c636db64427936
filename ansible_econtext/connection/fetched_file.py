"""Files that come from a host: written aside, then put in place as a whole.

The stock plugins open the destination and write into it.  So a file that is there keeps its
owner, its mode and its other names, and a link to it stays a link.  Here the last step is the
same, but it begins only when all bytes are on the controller.
"""

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator

from ansible_econtext.core import run

#: Errors by which a file system says that a file has no room.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_CHUNK = 1024 * 1024


class FetchedFile:
    """Part file of one fetch, which this process's account alone can read."""

    def __init__(self, part: str, target: str) -> None:
        self.part = part
        self._target = target

    def install(self, mode: int) -> None:
        """Put the content into the target, as `open` for writing with `mode` would.

        A target that is there is written only if the file system has room for the whole.  Raises
        OSError; the target is as it was then, unless the disk itself failed.
        """
        if os.path.dirname(self.part) != os.path.dirname(self._target):
            self._write(mode)
            return
        try:
            claim = os.open(self._target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            self._write(mode)
            return
        try:
            with os.fdopen(claim, "wb"):
                # The system has applied the umask, or the directory's access control list.
                permissions = stat.S_IMODE(os.fstat(claim).st_mode)
            os.chmod(self.part, permissions)
            os.rename(self.part, self._target)
        except BaseException:
            os.unlink(self._target)
            raise

    def _write(self, mode: int) -> None:
        """Write into the target, or into what it leads to; raises OSError."""
        is_new = not os.path.exists(self._target)
        with open(self.part, "rb") as source:
            # Not O_TRUNC: the old content stays until there is room for the new one.
            fd = os.open(self._target, os.O_WRONLY | os.O_CREAT, mode)
            try:
                with os.fdopen(fd, "wb") as target:
                    is_regular = stat.S_ISREG(os.fstat(fd).st_mode)
                    size = os.fstat(source.fileno()).st_size
                    if is_regular:
                        _reserve(fd, size)
                    shutil.copyfileobj(source, target, _CHUNK)
                    target.flush()
                    if is_regular:
                        os.ftruncate(fd, size)
            except OSError:
                if is_new:
                    os.unlink(os.path.realpath(self._target))
                raise


@contextlib.contextmanager
def fetched_file(target: str) -> Iterator[FetchedFile]:
    """Make the part file for a target, and remove what is left of it.

    It is beside the target, on the same disk, or in the run's own directory if the target's is
    closed to this account.  Its name cannot be guessed.
    """
    try:
        fd, part = tempfile.mkstemp(prefix=".econtext-", dir=os.path.dirname(target))
    except OSError:
        fd, part = tempfile.mkstemp(dir=run.own_directory())
    os.close(fd)
    try:
        yield FetchedFile(part, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


def _reserve(fd: int, size: int) -> None:
    """Reserve room for a file; raises OSError if the file system has none.

    Not every system has such a call, and not every file system: the write itself fails then.
    """
    before = os.fstat(fd).st_size
    if size <= 0 or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno in _NO_ROOM:
            os.ftruncate(fd, before)
            raise
