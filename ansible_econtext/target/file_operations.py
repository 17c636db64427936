"""File operations in a call process, for which ansible-core has shell commands.

`operate`, `exists`, `expand`, `receive` and `send` take the operations to do first (`apply`),
and return (value, parent directories that those operations made).
"""

import errno
import os
import shutil
import stat
import sys

from econtext.target import compat

_CHUNK = 262144

try:
    _HOME = os.getcwd()
except OSError:  # another account's directory
    _HOME = "."


class OperationError(Exception):
    """Raised if an operation failed; names it, with the operating system's words."""


def apply(operations):
    # type: (list) -> list
    """Do each (name, arguments...) in turn; return the parent directories made.

    Raises OperationError at the first operation that fails.
    """
    made = []  # type: list
    for operation in operations:
        name, arguments = operation[0], [_native(value) for value in operation[1:]]
        try:
            made += _OPERATIONS[name](*arguments) or []
        except (OSError, IOError) as error:
            raise OperationError("%s: %s" % (name, error))
    return made


def _native(value):
    # type: (object) -> object
    """Return a value with its texts as this interpreter's paths."""
    if isinstance(value, (list, tuple)):
        return [_native(each) for each in value]
    return compat.native(value) if isinstance(value, compat.text) else value


def operate(operations):
    # type: (list) -> tuple
    """Do operations alone; the value is None."""
    return None, apply(operations)


def exists(operations, path):
    # type: (list, str) -> tuple
    """Return whether a path exists."""
    made = apply(operations)
    return os.path.exists(compat.native(path)), made


def expand(operations, path):
    # type: (list, str) -> tuple
    """Expand a path that begins with a tilde, as a shell does."""
    made = apply(operations)
    return compat.from_native(os.path.expanduser(compat.native(path))), made


def receive(operations, path, mode, expected):
    # type: (list, str, int, int) -> tuple
    """Write standard input, `expected` bytes, to a file; return its size.

    Raises OperationError if writing fails or bytes are missing; a new file is removed then.
    """
    made, path = apply(operations), compat.native(path)
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
    return size, made


def send(operations, path):
    # type: (list, str) -> tuple
    """Write a file to standard output; return (size, permission bits).  Raises OperationError."""
    made, path = apply(operations), compat.native(path)
    size = 0
    try:
        with open(path, "rb") as source:
            mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
            for data in iter(lambda: source.read(_CHUNK), b""):
                size += len(data)
                while data:
                    data = data[compat.retry(os.write, 1, data) :]  # type: ignore
    except (OSError, IOError) as error:
        raise OperationError("read: %s" % error)
    sys.stdout.flush()
    return (size, mode), made


def remove_empty(paths):
    # type: (list) -> None
    """Remove each directory that is empty."""
    for path in sorted(paths, key=len, reverse=True):
        try:
            os.rmdir(path)
        except OSError:
            pass  # in use, or gone


def enter(directory):
    # type: (object) -> None
    """Change to a directory; stay where the process is if that fails.

    None stands for home, where the slave began: by now another directory may have its path.
    """
    try:
        os.chdir(_HOME if directory is None else compat.native(directory))
        if directory is not None:
            os.environ["PWD"] = compat.native(directory)  # as the shell does
    except OSError:
        pass  # a become command would have started there all the same


def missing_directories(path):
    # type: (str) -> list
    """Return `path` and the directories above it, as far as they do not exist."""
    missing = []
    while path not in ("", "/") and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


# The operations


def make_directory(parent, name):
    # type: (str, str) -> list
    """Do `umask 77 && mkdir -p parent && mkdir parent/name`; return the parents made."""
    missing = missing_directories(parent)
    before = os.umask(0o77)
    try:
        for last in (False, False, True):
            try:
                os.makedirs(parent)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOENT):
                    raise
            try:
                os.mkdir(os.path.join(parent, name))
                return missing
            except OSError as error:
                # Another run may tidy up between any two of these steps.
                if last or error.errno != errno.ENOENT:
                    raise
    finally:
        os.umask(before)
    return missing


def write(path, data, mode):
    # type: (str, bytes, int) -> None
    """Write a file; a new one gets `mode` without the bits of the umask."""
    with _created(path, mode) as target:
        target.write(data)


def add_owner_bits(paths, bits):
    # type: (list, int) -> None
    """Add permission bits to paths, as `chmod u+...` does."""
    for path in paths:
        os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | bits)


def remove(path):
    # type: (str) -> None
    """Remove a path, as `rm -rf` does."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


def _created(path, mode):
    # type: (str, int) -> object
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb")


_OPERATIONS = {
    "make_directory": make_directory,
    "write": write,
    "add_owner_bits": add_owner_bits,
    "remove": remove,
}
