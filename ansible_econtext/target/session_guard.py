"""Guard of a warm process's commands: a fork of it that ends them if it has gone.

The slave ends a call process with its session.  Commands of a warm process have sessions
of their own (see `run_command.keep_apart`), which the slave does not know.
"""

import errno
import os
import signal
import struct
import time

from econtext.target import call, compat

#: Seconds between SIGTERM and SIGKILL.
_PATIENCE = 0.8

_PID = struct.Struct("=i")

#: In the place of a number: the guard is to end.  The end of its input may never come, as a fork of
#: the module may hold the pipe.
_OVER = -1


class Guard(object):
    """Warm process's end of the guard, which is forked for the first command."""

    def __init__(self):
        # type: () -> None
        self._ends = [compat.keep_from_commands(fd) for fd in os.pipe()]
        self._pid = 0

    def begin(self):
        # type: () -> None
        """Fork the guard, unless it runs; to be called before a command is started.

        Raises OSError if the system has no process left, as the command's start would.
        """
        if self._pid:
            return
        self._pid = os.fork()
        if self._pid == 0:
            _watch(self._ends)
        try:
            os.setpgid(self._pid, self._pid)  # before the slave can end this process's group
        except OSError:
            pass  # the guard did it first

    def started(self, pid):
        # type: (int) -> None
        """Guard the session of a new command; its number is the command's."""
        os.write(self._ends[1], _PID.pack(pid))

    def let_go(self):
        # type: () -> None
        """Forget all commands, as the module has ended: the ones left are meant to run on."""
        if self._pid:
            os.write(self._ends[1], _PID.pack(0))

    def close(self):
        # type: () -> None
        """End the guard, and wait for it; it ends the commands that it still guards."""
        if self._pid:
            os.write(self._ends[1], _PID.pack(_OVER))
        for fd in self._ends:
            os.close(fd)
        if self._pid:
            compat.retry(os.waitpid, self._pid, 0)


def _watch(ends):
    # type: (list) -> None
    """Run the guard until the warm process closes its end; never returns."""
    sessions = []  # type: list
    try:
        os.setpgid(0, 0)
        call.close_all_but(ends[0])
        for number in (0, 1, 2):
            os.dup2(ends[0], number)
        for data in iter(lambda: compat.retry(os.read, ends[0], _PID.size), b""):
            (pid,) = _PID.unpack(data)
            if pid == _OVER:
                break
            sessions = sessions + [(pid, _start(pid))] if pid else []
        _end(sessions)
    finally:
        os._exit(0)


def _start(pid):
    # type: (int) -> object
    """Return when the process of this number began; None if there is none, or if not Linux."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b")")[2].split()[19]
    except (OSError, IOError):
        return None


def _end(sessions):
    # type: (list) -> None
    left = [each for each in sessions if _signal(each, signal.SIGTERM)]
    deadline = time.time() + _PATIENCE
    while left and time.time() < deadline:
        time.sleep(0.01)
        left = [each for each in left if _signal(each, 0)]
    for each in left:
        _signal(each, signal.SIGKILL)


def _signal(session, number):
    # type: (tuple, int) -> bool
    """Send a signal to a session; return whether a process is in it.

    Sends none if its command has ended and another process has the command's number by now.
    """
    pid, start = session
    if _start(pid) not in (None, start):
        return False
    try:
        os.killpg(pid, number)
    except OSError as error:
        if error.errno not in (errno.ESRCH, errno.EPERM):
            raise
        return error.errno == errno.EPERM
    return True
