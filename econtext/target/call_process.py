"""Call processes as the slave sees them: one for each call, forked ahead of it.

A call that is killed, or whose slave dies, ends with all processes of its group.  One that
ends by itself leaves alone what it started, as a login shell does.
"""

import os
import socket
import sys
import traceback

from econtext.target import call, compat, wire
from econtext.target.child import Child
from econtext.target.loop import Writer, read

#: Seconds after which a call counts as long: from then on its output does not wait for its
#: result, nor the fork of the next spare for its end.
_LONG = 0.02

#: Seconds between a result and the fork of a spare: the processes that pass the result on may
#: need the processor first.
_AFTER_RESULT = 0.001


class Spare(object):
    """Holder of the spare: the call process, if any, that waits for the next call."""

    def __init__(self, loop, importer):
        # type: (object, object) -> None
        self._loop = loop
        self._importer = importer
        self._process = None  # type: object
        self.is_wanted = True

    def take(self):
        # type: () -> CallProcess
        """Return the process for a call that begins now; the next spare is forked later."""
        process = self._process or CallProcess(self._loop, self._importer)
        self._process = None
        process.timer = self._loop.call_later(_LONG, lambda: self._is_long(process))
        return process

    def _is_long(self, process):
        # type: (CallProcess) -> None
        process.start_reading()
        self._fork()

    def result_of(self, process):
        # type: (CallProcess) -> None
        """Note that a call has its result: a spare is forked soon."""
        process.timer.cancel()
        self._loop.call_later(_AFTER_RESULT, self._fork)

    def _fork(self):
        # type: () -> None
        if self._process is None and self.is_wanted:
            try:
                self._process = CallProcess(self._loop, self._importer)
            except (OSError, IOError):  # the next call forks its own, or says what failed
                pass

    def drop(self):
        # type: () -> object
        """End the spare; return it, for the caller to wait for its end, or None."""
        old, self._process = self._process, None
        if old is not None:
            old.close()
        return old

    def reap(self):
        # type: () -> None
        if self._process is not None:
            self._process.reap()
            if self._process.status is not None:
                self._process = None


class CallProcess(Child):
    """Fork of the slave that waits for its call, runs it and ends.

    The owner sets `on_message(kind, body)` besides the callbacks of a `Child`.  Output is
    given with the result, or from `start_reading` on.  Raises OSError or IOError, with all
    closed again, if the system has no process or descriptor left.
    """

    def __init__(self, loop, importer):
        # type: (object, object) -> None
        ours, theirs = socket.socketpair()
        fds = []  # type: list
        try:
            for _ in range(4):
                fds += os.pipe()
            fds.append(os.dup(ours.fileno()))
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
        except (OSError, IOError):
            for fd in fds:
                os.close(fd)
            ours.close()
            theirs.close()
            raise
        stdin, stdout, stderr, life = [fds[start : start + 2] for start in (0, 2, 4, 6)]
        if pid == 0:
            _become(importer, theirs.fileno(), (stdin[0], stdout[1], stderr[1]), life[0])
        theirs.close()
        for fd in (stdin[0], stdout[1], stderr[1]):
            os.close(fd)
        for fd in (stdin[1], stdout[0], stderr[0], life[0], life[1]):
            compat.keep_from_commands(fd)
        Child.__init__(self, loop, pid, stdin[1], {stdout[0]: wire.STDOUT, stderr[0]: wire.STDERR})
        self._socket = ours
        self._lifeline = life  # type: object
        self._is_killed = False
        self._writer = Writer(loop, fds[8])
        compat.keep_from_commands(self._writer.fd)
        self._messages = wire.Reader(frozenset([wire.RESULT, wire.WANT, wire.LOG, wire.REPLY]))
        self._unsent = []  # type: list
        self.on_message = None
        ours.setblocking(False)

    def open(self, body):
        # type: (bytes) -> None
        """Send the process its call."""
        self._loop.add_reader(self._socket.fileno(), self._receive)
        self.send(wire.CALL, body)

    def send(self, kind, body):
        # type: (int, bytes) -> None
        self._writer.write(wire.frame(kind, 0, body))

    def pause(self, paused):
        # type: (bool) -> None
        Child.pause(self, paused)
        if self._socket is not None and paused:  # log records have no credit
            self._loop.remove_reader(self._socket.fileno())
        elif self._socket is not None:
            self._loop.add_reader(self._socket.fileno(), self._receive)

    def _receive(self):
        # type: () -> bool
        if self._socket is None:
            return False
        data = read(self._socket.fileno())
        if data is None:
            return False
        try:
            messages = self._messages.feed(data)
        except wire.ProtocolError:  # the function wrote to a descriptor that is not its own
            messages, data = [], b""
            self.kill()
        for kind, _, body in messages:
            if kind == wire.RESULT:
                self._let_go()
            self._unsent.append((kind, body))
        self._give_messages()
        if not data:
            self._close_socket()
            self.reap()
            return False
        return True

    def _give_messages(self):
        # type: () -> None
        # All that the call wrote before a message is in its pipes by now; it is given first.
        while self._unsent:
            if not self.drain():
                if self._socket is not None:  # what it logs meanwhile is not to fill the memory
                    self._loop.remove_reader(self._socket.fileno())
                self._loop.call_later(0.01, self._give_later)
                return
            if self._unsent:  # draining may have led here a second time
                self.on_message(*self._unsent.pop(0))

    def _give_later(self):
        # type: () -> None
        self._give_messages()
        if not self._unsent:
            self.pause(self._paused)

    def _finish(self):
        # type: () -> None
        while self._receive():
            pass
        self._give_messages()
        if self._unsent:
            self._look_again()
            return
        if self.status < 0:  # killed: end the commands that it started too
            self.kill()
        else:
            self._let_go()
        Child._finish(self)

    def _let_go(self):
        # type: () -> None
        """Leave alone what the call started, as it has ended by itself."""
        if self._lifeline is not None and not self._is_killed and self.has_group:
            self.has_group = False
            call.live_without(self._lifeline[0])  # type: ignore[index]

    def kill(self):
        # type: () -> None
        self._is_killed = self.has_group
        Child.kill(self)

    def close(self):
        # type: () -> None
        Child.close(self)
        self._close_socket()
        if self._lifeline is not None:
            for fd in self._lifeline:
                os.close(fd)
            self._lifeline = None

    def _close_socket(self):
        # type: () -> None
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
            self._writer.abandon()


def _become(importer, sock, stdio, lifeline):
    # type: (object, int, tuple, int) -> None
    """Run the child's side of the fork; never returns."""
    status = 1
    try:
        call.importer, call.channel = importer, call.enter(sock, stdio, lifeline)
        call.main()
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)
