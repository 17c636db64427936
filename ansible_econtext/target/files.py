"""File operations that ansible-core does by shell commands, in a call process instead."""
import errno
import os
import shutil
import stat
import sys

from econtext.target import compat

_CHUNK = 262144


class OperationError(Exception):
    """An operation failed: which one, and the operating system's words."""


def apply(operations):
    # type: (list) -> None
    """Do each (name, arguments...) in turn; raises OperationError at the first that fails."""
    for operation in operations:
        name, arguments = operation[0], operation[1:]
        try:
            _OPERATIONS[name](*arguments)
        except (OSError, IOError) as error:
            raise OperationError("%s: %s" % (name, error))


def make_directory(parent, name):
    # type: (str, str) -> None
    """As `umask 77 && mkdir -p parent && mkdir parent/name`."""
    before = os.umask(0o77)
    try:
        try:
            os.makedirs(parent)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
        os.mkdir(os.path.join(parent, name))
    finally:
        os.umask(before)


def write(path, data, mode):
    # type: (str, bytes, int) -> None
    """Write a file; a new one gets `mode` as far as the umask lets it."""
    with _created(path, mode) as target:
        target.write(data)


def add_owner_bits(paths, bits):
    # type: (list, int) -> None
    """As `chmod u+... paths`."""
    for path in paths:
        os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | bits)


def remove(path):
    # type: (str) -> None
    """As `rm -rf path`."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


def remove_empty(paths):
    # type: (list) -> None
    """Remove those of the directories that nothing is in."""
    for path in sorted(paths, key=len, reverse=True):
        try:
            os.rmdir(path)
        except OSError:
            pass  # in use, or gone


def expand(path):
    # type: (str) -> str
    """A path that begins with a tilde, as a shell expands it."""
    expanded = os.path.expanduser(path)
    return expanded if compat.PYTHON_3 else expanded.decode("utf-8")  # type: ignore


def exists(operations, path):
    # type: (list, str) -> bool
    apply(operations)
    return os.path.exists(path)


def missing_directories(path):
    # type: (str) -> list
    """`path` and those above it that do not exist."""
    missing = []
    while path not in ("", "/") and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


def receive(operations, path, mode, expected):
    # type: (list, str, int, int) -> None
    """Write standard input, `expected` bytes, to a file.

    What does not arrive whole does not stay, where there was no file before.
    """
    apply(operations)
    new = not os.path.lexists(path)
    size = 0
    try:
        with _created(path, mode) as target:
            for data in iter(lambda: compat.retry(os.read, 0, _CHUNK), b""):
                target.write(data)
                size += len(data)
        if size != expected:
            raise IOError("%d of %d bytes came" % (size, expected))
    except (OSError, IOError) as error:
        if new:
            remove(path)
        raise OperationError("write: %s" % error)


def send(operations, path):
    # type: (list, str) -> int
    """Write a file to standard output; the number of bytes."""
    apply(operations)
    size = 0
    try:
        with open(path, "rb") as source:
            for data in iter(lambda: source.read(_CHUNK), b""):
                size += len(data)
                while data:
                    data = data[compat.retry(os.write, 1, data) :]  # type: ignore
    except (OSError, IOError) as error:
        raise OperationError("%s" % error)
    sys.stdout.flush()
    return size


def _created(path, mode):
    # type: (str, int) -> object
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb")


_OPERATIONS = {
    "make_directory": make_directory,
    "write": write,
    "add_owner_bits": add_owner_bits,
    "remove": remove,
}
