"""Processes that started a slave: its parent, and the sudo that runs that.

A sudo that reaches its time limit ends the shell under it, and one that is killed ends alone.
The slave is left behind then, as a stock module is.
"""

import os


class Starters(object):
    """Processes that started the slave with this process number."""

    def __init__(self, slave):
        # type: (int) -> None
        self._slave = slave
        self._parent = _parent_of(slave)
        sudo = _parent_of(self._parent)
        self._sudo = sudo if _name_of(sudo).startswith("sudo") else 0

    def has_ended(self):
        # type: () -> bool
        """Return whether one of them has ended."""
        if _parent_of(self._slave) != self._parent:
            return True
        return bool(self._sudo) and _parent_of(self._parent) != self._sudo


def _parent_of(process):
    # type: (int) -> int
    """Return the number of a process's parent; 0 if the system does not tell it."""
    if process == os.getpid():
        return os.getppid()
    return int((_read(process, "stat").rpartition(")")[2].split() or [0, 0])[1])


def _name_of(process):
    # type: (int) -> str
    return _read(process, "comm")


def _read(process, name):
    # type: (int, str) -> str
    try:
        with open("/proc/%d/%s" % (process, name)) as file:
            return file.read()
    except (OSError, IOError, ValueError):  # not Linux, or the process has ended
        return ""
