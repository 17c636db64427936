"""Child process and the descriptors that lead to it, on the loop.

`Command` starts a command; a call process (`call_process.py`) is a `Child` too, with a
socket besides.  A child gives its output as it comes, as far as it has credit, and its
exit status when it has ended and all its output was given.
"""

import errno
import os
import select
import signal
import subprocess
import termios

from econtext.target import compat, flow_control, wire
from econtext.target.loop import READ_SIZE, Writer, monotonic, read

#: Seconds between looks at a child whose output has ended but which lives on: at
#: first, and at the most.  (SIGCHLD tells the slave of an exit as well.)
_REAP_FIRST, _REAP_MOST = 0.005, 0.25


class Child(object):
    """Child process on the loop, for the loop's thread.

    The owner sets `on_output(stream, data)`, `on_exit(status)` and
    `on_input_written(size)`.  A status is the exit code, or minus the signal.
    """

    def __init__(self, loop, pid, stdin, outputs):
        # type: (object, int, int, dict) -> None
        self._loop = loop
        self.pid = pid
        self.status = None  # type: object
        self._outputs = outputs  # type: dict  # descriptor: number of the stream
        self._sending = flow_control.Sending()
        self.pace = flow_control.Pace()
        self._reading = False
        self._paused = False
        self._finished = False
        self._is_gone = False  # and its owner was told: its number may be another's
        self._interval = _REAP_FIRST
        self._looks_again = False  # whether a timer runs
        #: Whether a slave is at its end, which may outlive the process: a sudo that reaches its
        #: time limit ends the shell between them alone.  The slave ends with its output.
        self.leads_to_slave = False
        #: Whether its group is its own to end.
        self.has_group = True
        self.on_output = self.on_exit = self.on_input_written = None
        self._inputs = {wire.STDIN: Writer(loop, stdin, self._input_written)}
        for fd in outputs:
            compat.set_blocking(fd, False)

    def start_reading(self):
        # type: () -> None
        """Give output as it comes, unless the child is paused."""
        if self._paused:
            return
        self._reading = True
        for fd in list(self._outputs):
            self._loop.add_reader(fd, lambda fd=fd: self._readable(fd))

    def write(self, stream, data):
        # type: (int, bytes) -> None
        if stream in self._inputs:
            self._inputs[stream].write(data)
        else:
            self._input_written(len(data))

    def end(self, stream):
        # type: (int) -> None
        if stream in self._inputs:
            self._inputs[stream].close()

    def credit(self, size):
        # type: (int) -> None
        """Allow more output."""
        self.pace.taken(size, monotonic())
        self._sending.granted(size)
        if not self._reading and not self._finished:
            self.start_reading()

    def pause(self, paused):
        # type: (bool) -> None
        """Stop giving output, or go on; output at the process's end is given anyway."""
        self._paused = paused
        if paused:
            self._stop_reading()
        elif not self._finished:
            self.start_reading()

    def _stop_reading(self):
        # type: () -> None
        self._reading = False
        for fd in self._outputs:
            self._loop.remove_reader(fd)

    def drain(self):
        # type: () -> bool
        """Give all output that is there by now; return False if credit does not suffice."""
        for fd in list(self._outputs):
            while self._sending.credit > 0 and self._readable(fd):
                pass
        return self._sending.credit > 0

    def _readable(self, fd):
        # type: (int) -> bool
        """Give one piece of output; return False if there was none."""
        if self._sending.credit <= 0:
            self._stop_reading()
            return False
        data = read(fd, min(READ_SIZE - 1, self._sending.credit))
        if data is None:
            return False
        if not data:
            self._close_output(fd)
            if not self._outputs:
                self.reap()
            elif self.status is not None:
                self._loop.soon(self.reap)
            return False
        self._sending.sent(len(data))
        if self.on_output is not None:  # as of a spare that is killed
            self.on_output(self._outputs[fd], data)
        return True

    def _close_output(self, fd):
        # type: (int) -> None
        self._loop.remove_reader(fd)
        # A terminal's one descriptor is its input as well.
        stream = self._outputs.pop(fd)
        if stream in self._inputs and self._inputs[stream].fd == fd:
            self._inputs.pop(stream).abandon()
        else:
            os.close(fd)

    def _input_written(self, size):
        # type: (int) -> None
        if self.on_input_written is not None:
            self.on_input_written(size)

    def reap(self):
        # type: () -> None
        """Look whether the process has ended; to be called when it may have."""
        if self._finished:
            return
        if self.status is None:
            self.status = exit_status(self.pid)
        if self.status is None:
            if not self._outputs:
                self._look_again()
            return
        if self.leads_to_slave and wire.STDOUT in self._outputs.values() and self._is_read():
            self._look_again()
            return
        # What it wrote before its end is still in the pipes.  A grandchild may
        # hold them open for as long as it lives: what it writes later is lost.
        if self.drain():
            self._finish()
        else:
            self._look_again()

    def _is_read(self):
        # type: () -> bool
        """Return whether a process has the other end of standard input; True if not known."""
        writer = self._inputs.get(wire.STDIN)
        if writer is None or writer.fd is None:
            return True
        try:
            poll = select.poll()
            poll.register(writer.fd, 0)
            return not poll.poll(0)
        except (AttributeError, select.error):  # it has no `poll`, or was interrupted (Python 2)
            return True

    def _look_again(self):
        # type: () -> None
        if not self._looks_again:  # each SIGCHLD leads here
            self._looks_again = True
            self._loop.call_later(self._interval, self._look)
            self._interval = min(2 * self._interval, _REAP_MOST)

    def _look(self):
        # type: () -> None
        self._looks_again = False
        self.reap()

    def _finish(self):
        # type: () -> None
        if self._finished:
            return  # draining led here a second time
        self._finished = True
        self.close()
        if self.on_exit is not None:
            self.on_exit(self.status)
        self._is_gone = True

    def close(self):
        # type: () -> None
        """Close the descriptors that lead to the process, which goes on if it lives."""
        for fd in list(self._outputs):
            self._close_output(fd)
        for writer in self._inputs.values():
            writer.abandon()

    def signal(self, number):
        # type: (int) -> None
        """Send a signal to the process and its group, which holds its own commands."""
        for function in (os.killpg, os.kill):
            if self.has_group if function is os.killpg else self.status is None:
                try:
                    function(self.pid, number)
                except OSError as error:
                    if error.errno not in (errno.ESRCH, errno.EPERM):
                        raise

    def kill(self):
        # type: () -> None
        """Terminate the process and its group, and kill them a second later."""
        if self._is_gone:
            return
        self.leads_to_slave = False
        self._loop.soon(self.reap)
        self.signal(signal.SIGTERM)
        self._loop.call_later(1, lambda: self.signal(signal.SIGKILL))


class Command(Child):
    """Command in a session of its own, with pipes and, if `terminal`, a terminal.

    The terminal is the controlling one and carries none of the command's own
    input or output: it is for programs that ask for a password there.
    Raises OSError if the command cannot be started.
    """

    def __init__(self, loop, argv, terminal=False):
        # type: (object, list, bool) -> None
        outputs = {}
        opened = _open_terminal() if terminal else []
        if terminal:
            outputs[opened[0]] = wire.TERMINAL
        options = compat.session_options(opened[1] if terminal else None)
        options["env"] = compat.commands_environment()
        for name in ("stdin", "stdout", "stderr"):
            options[name] = subprocess.PIPE
        streams = []  # type: list
        try:
            process = subprocess.Popen(argv, close_fds=True, bufsize=0, **options)
            streams = [process.stdin, process.stdout, process.stderr]
            # The descriptors outlive the Popen object, which is only a starter here.
            for stream in streams:
                opened.append(compat.keep_from_commands(os.dup(stream.fileno())))
        except Exception:
            for fd in opened:
                os.close(fd)
            if streams:
                process.kill()
                process.wait()
            raise
        finally:
            for stream in streams:
                stream.close()
        opened, (stdin, stdout, stderr) = opened[:-3], opened[-3:]
        outputs[stdout] = wire.STDOUT
        outputs[stderr] = wire.STDERR
        Child.__init__(self, loop, process.pid, stdin, outputs)
        process.returncode = 0  # the loop waits for the process, not subprocess
        # The terminal's other end stays open here: a command may close all that it inherits
        # (ssh does) and open the terminal by name later; it must not hang up meanwhile.
        self._kept = opened[1:]
        if opened:
            self._inputs[wire.TERMINAL] = Writer(loop, opened[0], self._input_written)

    def _close_output(self, fd):
        # type: (int) -> None
        Child._close_output(self, fd)
        if list(self._outputs.values()) in ([], [wire.TERMINAL]) and self._kept:
            os.close(self._kept.pop())


def _open_terminal():
    # type: () -> list
    """Return both ends of a new terminal that does not echo."""
    ends = [compat.keep_from_commands(fd) for fd in os.openpty()]
    attributes = termios.tcgetattr(ends[1])
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(ends[1], termios.TCSANOW, attributes)
    return ends


def exit_status(pid, options=os.WNOHANG):
    # type: (int, int) -> object
    """Return the status of a child that has ended, else None."""
    try:
        gone, status = compat.retry(os.waitpid, pid, options)  # type: ignore[misc]
    except OSError as error:
        if error.errno == errno.ECHILD:
            return 0  # another part of the program waited for it: its status is lost
        raise
    if not gone:
        return None
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
