"""Ends the commands of a process that ends before them, from another group of processes.

A call process is ended with all that is in its session.  Commands of one that stays have sessions
of their own, and nobody else would end them.
"""

import errno
import os
import signal
import struct
import time

from econtext.target import call, compat

#: Seconds between asking commands to end and ending them.
_PATIENCE = 0.8

_PID = struct.Struct("=i")


class Guard(object):
    """Told of commands, and that they are no longer looked after; starts with the first one."""

    def __init__(self):
        # type: () -> None
        self._ends = [compat.keep_from_commands(fd) for fd in os.pipe()]
        self._pid = 0

    def started(self, pid):
        # type: (int) -> None
        """A command began; its session has the same number."""
        if not self._pid:
            self._pid = os.fork()
            if self._pid == 0:
                _watch(self._ends)
            try:
                os.setpgid(self._pid, self._pid)  # before anybody can end our own group
            except OSError:
                pass  # it was faster
        os.write(self._ends[1], _PID.pack(pid))

    def let_go(self):
        # type: () -> None
        """The module has ended: what is left of its commands is meant to stay."""
        if self._pid:
            os.write(self._ends[1], _PID.pack(0))

    def close(self):
        # type: () -> None
        for fd in self._ends:
            os.close(fd)
        if self._pid:
            compat.retry(os.waitpid, self._pid, 0)


def _watch(ends):
    # type: (list) -> None
    """The guard's own process: until nobody has the other end any more; never returns."""
    sessions = []  # type: list
    try:
        os.setpgid(0, 0)
        call.close_all_but(ends[0])
        for number in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        for data in iter(lambda: compat.retry(os.read, ends[0], _PID.size), b""):
            (pid,) = _PID.unpack(data)
            sessions = sessions + [pid] if pid else []
        _end(sessions)
    finally:
        os._exit(0)


def _end(sessions):
    # type: (list) -> None
    left = [pid for pid in sessions if _signal(pid, signal.SIGTERM)]
    deadline = time.time() + _PATIENCE
    while left and time.time() < deadline:
        time.sleep(0.01)
        left = [pid for pid in left if _signal(pid, 0)]
    for pid in left:
        _signal(pid, signal.SIGKILL)


def _signal(pid, number):
    # type: (int, int) -> bool
    """Whether there is anybody in that session."""
    try:
        os.killpg(pid, number)
    except OSError as error:
        if error.errno not in (errno.ESRCH, errno.EPERM):
            raise
        return error.errno == errno.EPERM
    return True
