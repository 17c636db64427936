"""Terminal of a module, as ssh and sudo give it one under stock Ansible's defaults.

The call process does what sshd does there: it makes the terminal, passes on what is written to
it, and hangs up when the module has ended.  The module runs in a fork, with the terminal as its
standard input, output and error.  A slave is sent this file when a module first needs it.
"""

import fcntl
import os
import select
import signal
import sys
import termios
import traceback

from ansible_econtext.target import module_runner, program_runner
from econtext.target import compat
from econtext.target.child import exit_status
from econtext.target.loop import read

#: Seconds between looks at a module that writes nothing: at first, and at the most.
_FIRST, _MOST = 0.005, 0.25

#: Reads of what a module wrote before its end.  A process that it left may write on for ever.
_LAST_READS = 100


def run_module(kind, request):
    # type: (str, dict) -> tuple
    """Run a module as `module_runner.run_module` does, on a terminal of this kind."""
    return module_runner.run_module(request, _open(kind))


def run_program(kind, operations, request):
    # type: (str, list, dict) -> tuple
    """Run a program as `program_runner.run` does, on a terminal of this kind.

    An interpreter that is to read a text on standard input gets it as a file.
    """
    text = b"".join(iter(lambda: compat.retry(os.read, 0, 65536), b""))  # type: ignore
    if text:
        word = "ECONTEXT_TEXT"
        files = [(word, "text", None, text)]
        request = dict(request, command="%s %s" % (request["command"], word), files=files)
    return program_runner.run(operations, request, _open(kind))


def _open(kind):
    # type: (str) -> object
    """Make a terminal the controlling one of this process's session, and return it.

    The environment tells of it: `kind` is the value of TERM, or empty.  Returns None if the system
    has no terminal to give; ssh goes on without one too.
    """
    try:
        ends = os.openpty()
    except OSError:
        return None
    # sudo gives its command a group of its own, and takes the terminal back at the end.
    return Terminal(kind, ends, "SUDO_COMMAND" in os.environ)


class Terminal(object):
    """Controlling terminal of a call process, for one module."""

    def __init__(self, kind, ends, has_own_group):
        # type: (str, tuple, bool) -> None
        self._ours, self._theirs = [compat.keep_from_commands(fd) for fd in ends]
        self._has_own_group = has_own_group
        fcntl.ioctl(self._theirs, termios.TIOCSCTTY, 0)
        if kind:
            os.environ["TERM"] = compat.native(kind)
        if "SSH_CONNECTION" in os.environ:  # which sudo does not let through
            os.environ["SSH_TTY"] = os.ttyname(self._theirs)

    def run(self, function):
        # type: (object) -> int
        """Return the status of `function`, called in a fork; minus a signal that ended it."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self._enter()
                status = function()  # type: ignore[operator]
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)
        os.close(self._theirs)
        status = self._pass_on(pid)
        self._hang_up()
        return status

    def _enter(self):
        # type: () -> None
        """Make this fork a process on the terminal."""
        os.close(self._ours)
        for number in (0, 1, 2):
            os.dup2(self._theirs, number)
        os.close(self._theirs)
        if self._has_own_group:
            os.setpgid(0, 0)
            _take(0)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # Python 3.7
                stream.reconfigure(line_buffering=True)  # type: ignore[attr-defined]

    def _pass_on(self, pid):
        # type: (int) -> int
        """Pass on what is written until the module has ended; return its status."""
        pause, status = _FIRST, None
        while status is None:
            status = exit_status(pid)  # before a look for output: what it wrote is there then
            if status is None:
                data = self._copy(pause)
                if data == b"":  # it has closed the terminal, or is about to end
                    return exit_status(pid, 0)  # type: ignore[return-value]
                pause = _FIRST if data else min(2 * pause, _MOST)
        for _ in range(_LAST_READS):
            if not self._copy(0):
                break
        return status  # type: ignore[return-value]

    def _copy(self, seconds):
        # type: (float) -> object
        """Pass on one piece, and return it; None if none came in time, b"" if none can come."""
        if not select.select([self._ours], [], [], seconds)[0]:
            return None
        data = rest = read(self._ours)
        while rest:
            rest = rest[compat.retry(os.write, 1, rest) :]  # type: ignore
        return data

    def _hang_up(self):
        # type: () -> None
        """Signal the processes that the module left in its group; those of sudo's are let go."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            terminal = os.open("/dev/tty", os.O_RDWR)
        except OSError:  # a process has hung it up already
            return
        if self._has_own_group:
            _take(terminal)
        fcntl.ioctl(terminal, termios.TIOCNOTTY)
        for fd in (terminal, self._ours):
            os.close(fd)


def _take(terminal):
    # type: (int) -> None
    """Make this process's group the foreground one of the terminal."""
    handler = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(terminal, os.getpgrp())
    signal.signal(signal.SIGTTOU, handler)
