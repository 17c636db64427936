"""Files without a name, which are gone with the last process that has them open."""

import os
import tempfile

from econtext.target import compat


def files(name):
    # type: (str) -> object
    """Descriptors of new empty files, one for each way to have such a file here, the best one
    first; none where other processes could not open them.

    `name` is for whoever looks at what is open.  What is not wanted is the caller's to close.
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
    """By it processes of our own user open the file, as long as this process has it open."""
    return "/proc/%d/fd/%d" % (os.getpid(), descriptor)


def program(name, content):
    # type: (str, bytes) -> object
    """The path of a nameless file that can be executed; None where there is no such thing."""
    for descriptor in files(name):
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(descriptor, 0o700)
                # What somebody can write to is not executed.
                reading = os.open(path(descriptor), os.O_RDONLY)
        except (OSError, IOError):
            continue
        if os.access(path(reading), os.X_OK):
            return path(compat.keep_from_commands(reading))
        os.close(reading)
    return None
