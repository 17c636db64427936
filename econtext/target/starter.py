"""Processes that started a slave: its parent, and those up to the sudo that runs it.

A sudo that reaches its time limit ends the shell under it, and one that is killed ends alone.
The slave is left behind then, as a stock module is.
"""

import errno
import os

#: Processes between a slave and its sudo at the most: shells, and wrappers of the Python.
_MOST = 5


class Starters(object):
    """Processes that started the slave with this process number."""

    def __init__(self, slave):
        # type: (int) -> None
        found = [_status(slave)[1]]
        for _ in range(_MOST):
            name, parent = _status(found[-1])
            if name.startswith("sudo") or parent <= 1:
                break
            found.append(parent)
        is_by_sudo = _status(found[-1])[0].startswith("sudo")
        self._processes = found if is_by_sudo else found[:1]

    def has_ended(self):
        # type: () -> bool
        """Return whether one of them has ended."""
        for process in self._processes:
            try:
                os.kill(process, 0)
            except OSError as error:  # EPERM: another account's
                if error.errno == errno.ESRCH:
                    return True
        return False


def _status(process):
    # type: (int) -> tuple
    """Return (name, parent's number) of a process; ("", 0) if the system does not tell it."""
    if process == os.getpid():
        return "", os.getppid()
    try:
        with open("/proc/%d/stat" % process) as file:
            name, _, rest = file.read().rpartition(")")
        return name.partition("(")[2], int(rest.split()[1])
    except (OSError, IOError, ValueError):  # not Linux, or another account's process
        return "", 0
