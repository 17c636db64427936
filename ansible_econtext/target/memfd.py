"""Nameless files, which are gone with the last process that has them open."""

import os
import tempfile

from econtext.target import compat


def files(name):
    # type: (str) -> object
    """Yield descriptors of new empty files, one for each method, the best first.

    Yields none if other processes could not open them.  `name` shows in listings of open files.
    The caller closes each descriptor.
    """
    if not os.path.exists("/proc/self/fd"):
        return
    try:
        yield os.memfd_create(name)
    except (AttributeError, OSError):
        pass  # an older Python, or kernel
    try:
        with tempfile.TemporaryFile() as file:
            descriptor = compat.keep_from_commands(os.dup(file.fileno()))
    except (OSError, IOError):
        return
    yield descriptor


def path(descriptor):
    # type: (int) -> str
    """Return the path by which other processes of this account open a descriptor."""
    return "/proc/%d/fd/%d" % (os.getpid(), descriptor)


def program(name, content):
    # type: (str, bytes) -> object
    """Return the path of an executable nameless file; None if the system has none."""
    for descriptor in files(name):
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(descriptor, 0o700)
                # A file that is open for writing cannot be executed.
                reading = os.open(path(descriptor), os.O_RDONLY)
        except (OSError, IOError):
            continue
        if os.access(path(reading), os.X_OK):
            return path(compat.keep_from_commands(reading))
        os.close(reading)
    return None
