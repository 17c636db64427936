"""Processes that started a slave: its parent, and the sudo that runs that.

A sudo that reaches its time limit ends the shell under it, and one that is killed ends alone.
The slave is left behind then, as a stock module is.
"""

import errno
import os


class Starters(object):
    """Processes that started the slave with this process number."""

    def __init__(self, slave):
        # type: (int) -> None
        parent = _status(slave)[1]
        sudo = _status(parent)[1]
        self._processes = [parent, sudo] if _status(sudo)[0].startswith("sudo") else [parent]

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
