"""Slave: takes frames from its controller, and owns its calls and commands.

It decides nothing about what is run: each frame has one effect.  It has one thread, and
never runs a caller's function in its own process (law 4).
"""

from __future__ import unicode_literals  # on Python 2, tags and names are text too

import os
import signal
import zlib

from econtext.target import (
    call_process,
    child,
    codec,
    compat,
    compression,
    flow_control,
    hello,
    wire,
)
from econtext.target.call_order import Series
from econtext.target.loop import Loop, Writer, read
from econtext.target.provider import Provider
from econtext.target.starter import Starters

#: Seconds that children have to end when the slave ends, before they are killed, and
#: seconds after which the slave ends in any case.
_PATIENCE = 2
_END = 4

#: Seconds between looks at whether something was heard of the controller, which pings each 30
#: seconds, and looks in silence after which the slave ends.  They are counted, as a clock may jump
#: and a process may be stopped.
_LOOK = 100
_LOOKS = 3

#: Kind of the error of a call that was not begun, as a process that started the slave has ended.
_ORPHANED = "econtext.target.slave.Orphaned"


class Slave(object):
    """Slave on two descriptors: frames to the controller go `upward`."""

    def __init__(self, upward, downward, importer, bundle):
        # type: (int, int, object, bytes) -> None
        self._loop = Loop()
        self._upward = Writer(self._loop, upward, self._went_up)
        self._outlet = compression.Outlet(self._write, self._loop.soon)
        self._downward = downward
        self._store = importer.store
        self._bundle = bundle
        self._reader = wire.Reader(wire.DOWNWARD)
        self._children = {}  # type: dict  # channel: Child
        self._received = {}  # type: dict  # channel: flow_control.Receiving
        self._spare = call_process.Spare(self._loop, importer)
        self._provider = Provider(importer, self._children, self._outlet.send, self._drop_spare)
        self._starters = Starters(os.getpid())
        self._paused = False
        self._ending = False
        self._silence = 0  # looks since something was heard of the controller
        self._handlers = {
            wire.OPEN: self._open,
            wire.CALL: self._call,
            wire.CLOSE: self._close,
            wire.DATA: self._data,
            wire.END: self._end,
            wire.CREDIT: self._credit,
            wire.STORE: self._provider.keep,
            wire.RELAY: self._relay,
            wire.SOURCES: self._provider.sources,
            wire.WARM: self._provider.warm,
            wire.PING: self._ping,
        }
        self._series = Series(self._handlers, self._children.__contains__, self._outlet.send)

    def run(self):
        # type: () -> None
        """Serve the controller until it has gone, then end all processes."""
        compat.set_blocking(self._downward, False)
        compat.signal_wakeup(self._loop.wake_write)
        signal.signal(signal.SIGCHLD, lambda number, stack: self._loop.post(self._reap))
        self._upward.write(wire.MAGIC)
        self._outlet.send(wire.HELLO, 0, codec.encode(hello.make()))
        self._outlet.flush()  # frames that have come already may take their time
        self._loop.add_reader(self._downward, self._receive)
        self._look()
        try:
            self._loop.run()
        finally:  # after an error too: no process of a slave lives on
            for process in self._children.values():
                process.signal(signal.SIGKILL)

    def _receive(self):
        # type: () -> None
        data = read(self._downward)
        if data is None:
            return
        if not data or self._upward.broken:
            self._shut_down()
            return
        self._silence = 0
        for kind, channel, body in self._reader.feed(data):
            self._series.handle(kind, channel, body)
        if self._reader.was_packed:
            self._outlet.pack()

    def _look(self):
        # type: () -> None
        """End the slave if nothing was heard for long: the connection may be half open."""
        self._silence += 1
        if self._silence > _LOOKS:
            self._shut_down()
        self._loop.call_later(_LOOK, self._look)

    def _ping(self, channel, body):
        # type: (int, bytes) -> None
        self._outlet.send(wire.PONG, channel, wire.ORPHANED if self._starters.has_ended() else body)

    # Channels

    def _open(self, channel, body):
        # type: (int, bytes) -> None
        request = codec.decode(body)
        process = self._begin(
            channel,
            lambda: child.Command(
                self._loop, [compat.native(word) for word in request["argv"]], request["terminal"]
            ),
        )
        if process is not None:
            process.start_reading()

    def _call(self, channel, body):
        # type: (int, bytes) -> None
        if self._starters.has_ended():  # calls that run go on, as a stock module does
            text = "the process that started this slave has ended"
            self._outlet.send(wire.RESULT, channel, codec.encode(("error", _ORPHANED, text, "")))
            self._exited(channel, 0)
            return
        self._begin(channel, lambda: self._call_process(channel, body))

    def _begin(self, channel, start):
        # type: (int, object) -> object
        try:
            process = start()  # type: ignore[operator]
        except Exception as error:  # not found, too many processes, or words of no command
            text = compat.error_text(error)
            self._outlet.send(wire.RESULT, channel, codec.encode(("failed", text)))
            self._exited(channel, 127)
            return None
        process.on_output = lambda stream, data: self._output(channel, process, stream, data)
        process.on_input_written = lambda size: self._written(channel, size)
        process.on_exit = lambda status: self._exited(channel, status)
        if self._paused:
            process.pause(True)
        self._children[channel] = process
        self._received[channel] = flow_control.Receiving()
        return process

    def _call_process(self, channel, body):
        # type: (int, bytes) -> object
        process = self._spare.take()
        process.on_message = lambda kind, message: self._message(channel, kind, message)
        process.open(body)
        return process

    def _message(self, channel, kind, body):
        # type: (int, int, bytes) -> None
        """Answer a call process's message, or pass it on under its channel."""
        if kind == wire.WANT:
            self._provider.want(channel, body)
            return
        self._outlet.send(kind, channel, body)
        if kind == wire.RESULT:
            self._spare.result_of(self._children[channel])
            self._series.over(channel)

    def _drop_spare(self):
        # type: () -> None
        """End the spare, as it was forked before the last change: the next call is fresh."""
        old = self._spare.drop()
        if old is not None:
            self._children[-old.pid] = old  # it ends by itself, and `_reap` waits for it

    def _output(self, channel, process, stream, data):
        # type: (int, object, int, bytes) -> None
        self._outlet.send_data(channel, stream, data, process.pace.is_packed)

    def _write(self, data):
        # type: (bytes) -> None
        self._upward.write(data)
        if self._upward.waiting > flow_control.CLOGGED:
            self._pause(True)

    def _went_up(self, size):
        # type: (int) -> None
        if self._paused and self._upward.waiting <= flow_control.CLOGGED // 2:
            self._pause(False)

    def _pause(self, paused):
        # type: (bool) -> None
        """Pause or resume what all processes print and log, by how much waits to go upward."""
        if self._paused != paused:
            self._paused = paused
            for process in list(self._children.values()):
                process.pause(paused)

    def _exited(self, channel, status):
        # type: (int, int) -> None
        self._children.pop(channel, None)
        self._received.pop(channel, None)
        self._outlet.send(wire.EXIT, channel, codec.encode(status))
        self._series.over(channel, is_gone=True)
        self._end_if_done()

    def _close(self, channel, body):
        # type: (int, bytes) -> None
        if channel in self._children:
            self._children[channel].kill()

    def _data(self, channel, body):
        # type: (int, bytes) -> None
        stream, data = wire.split_data(body)
        if channel in self._children:
            if not self._received[channel].received(len(data)):
                raise wire.ProtocolError("more data than credit")
            self._children[channel].write(stream, data)

    def _end(self, channel, body):
        # type: (int, bytes) -> None
        if channel in self._children:
            self._children[channel].end(wire.split_data(body)[0])

    def _credit(self, channel, body):
        # type: (int, bytes) -> None
        if channel in self._children:
            self._children[channel].credit(wire.credit_amount(body))

    def _written(self, channel, size):
        # type: (int, int) -> None
        if channel in self._received:
            grant = self._received[channel].used(size)
            if grant:
                self._outlet.add(wire.credit_frame(channel, grant))

    def _relay(self, channel, body):
        # type: (int, bytes) -> None
        """Write held contents to a slave of this slave: the bundle, or a STORE frame.

        So nothing crosses the link from the controller a second time.
        """
        if channel not in self._children:
            return
        digests = codec.decode(body)
        if digests is None:
            self._children[channel].leads_to_slave = True
            data = self._bundle
        else:
            contents = [self._store.content(digest) for digest in digests]
            data = wire.frame(wire.STORE, 0, zlib.compress(codec.encode(contents), 1))
        self._received[channel].relayed(len(data))
        self._children[channel].write(wire.STDIN, data)

    # The end

    def _reap(self):
        # type: () -> None
        for channel, process in list(self._children.items()):
            process.reap()
            if channel < 0 and process.status is not None:
                self._children.pop(channel, None)
        self._spare.reap()

    def _shut_down(self):
        # type: () -> None
        """End all processes, then the slave, as the controller has gone or ended it."""
        if self._ending:
            return
        self._ending = True
        self._series.give_up()
        self._loop.remove_reader(self._downward)
        self._spare.is_wanted = False
        self._drop_spare()
        for process in list(self._children.values()):
            if isinstance(process, call_process.CallProcess):
                process.kill()
            else:  # a slave's slave ends its own, perhaps another account's
                process.end(wire.STDIN)
                self._loop.call_later(_PATIENCE, process.kill)
        self._loop.call_later(_END, self._loop.stop)
        self._end_if_done()

    def _end_if_done(self):
        # type: () -> None
        if self._ending and not any(channel >= 0 for channel in self._children):
            self._loop.stop()
