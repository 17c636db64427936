"""The broker process: owns the slaves of runs of Ansible, serves their workers.

`launcher.start` starts it for a run.  It serves other runs with the same endpoint as well,
and ends some time after the last of them, with every slave.  It has one thread, and one more
for each file that is transferred.  It imports nothing of Ansible.
"""

import functools
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ansible_econtext import settings
from ansible_econtext.broker import (
    log,
    open_files,
    other_brokers,
    pid_watch,
    shutdown,
    undumpable,
)
from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.broker.worker_connection import WorkerConnection
from ansible_econtext.client import messages, rendezvous
from econtext.controller.link import notify
from econtext.target.loop import Loop, Timer

if TYPE_CHECKING:
    from ansible_econtext.broker.payload_store import PayloadStore


#: Seconds until the broker accepts again, after it had no descriptor for a worker.
_PAUSE = 0.1


class Broker:
    """Server of workers on the socket in `directory`.

    `run` is the process number of the first run, `lock` the descriptor of the directory's
    lock, which is held until the socket listens, and `persist` the seconds that the broker
    stays after its last run.
    """

    def __init__(self, directory: str, run: int, lock: int, persist: float) -> None:
        self._directory = directory
        self._inode = os.stat(directory).st_ino
        #: The directory under its last name, where no run finds it; None before the end.
        self._left: str | None = None
        self._lock = lock
        self._persist = persist
        self.loop = Loop()
        self.loop.on_error = self.report
        self._slaves = SlavePool(self.loop)
        self._payloads: PayloadStore | None = None
        self._runs = {run}
        self._connections: set[WorkerConnection] = set()
        #: Active file operations, by their start: they go on when their worker has gone.
        self._unfinished: set[float] = set()
        self._idle_since = 0.0
        #: Names of other brokers that began to wait for a run after this one.
        self._newer: set[str] = set()
        self._idle: Timer | None = None
        self._ending = False
        trace = settings.path("TRACE")
        self._trace = open(trace, "a") if trace else None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def run(self) -> None:
        """Serve until the end; releases the lock when the socket listens."""
        rendezvous.remove_socket(self._directory)  # left by a broker that was killed
        usual = os.umask(0o177)
        with rendezvous.address(self._directory) as path:
            self._listener.bind(path)
        os.umask(usual)  # local slaves and their modules inherit it
        self._listener.listen(256)
        self._listener.setblocking(False)
        self._listen()
        for run in list(self._runs):
            self._watch(run)
        signal.set_wakeup_fd(self.loop.wake_write)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # the run's, which its modules inherit
                signal.signal(number, lambda *_: self.loop.post(self.end))
        os.close(self._lock)  # workers wait for this
        undumpable.make_undumpable()  # before the first request, which may have a password
        self.loop.run()
        if self._left is not None:
            import shutil

            shutil.rmtree(self._left, ignore_errors=True)

    # Runs

    def _register(self, connection: WorkerConnection, run: int) -> None:
        """Note the run that a worker belongs to, and watch it until it ends."""
        connection.run = run
        if run not in self._runs:
            self._runs.add(run)
            self._slaves.end_old()
            if self._idle is not None:
                self._idle.cancel()
            self._watch(run)

    def _watch(self, run: int) -> None:
        pid_watch.when_ended(self.loop, run, lambda: self._run_ended(run))

    def _run_ended(self, run: int) -> None:
        """Close the run's connections; end after `persist` seconds without any run."""
        self._runs.discard(run)
        for connection in [connection for connection in self._connections if connection.run == run]:
            connection.close()
        if self._runs or self._ending:
            return
        self._idle_since = time.monotonic()
        if not self._persist:
            self.end()
            return
        self._idle = self.loop.call_later(self._persist, self.end)
        self._newer.clear()
        other_brokers.tell(self._directory)
        self._tidy(lambda: self._slaves.end_containers(lambda: None))

    def _note_newer(self, name: str) -> None:
        """Note another broker that waits for a run; end if this one waits for longest of many."""
        self._newer.add(name)
        if not self._runs and len(self._newer) >= other_brokers.MOST:
            self.end()

    # Workers

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # the worker has gone
            return
        except OSError as error:  # no descriptor is left: the worker waits until there is one
            self.report(self._accept, error)
            self.loop.remove_reader(self._listener.fileno())
            self.loop.call_later(_PAUSE, self._listen)
            return
        try:
            rendezvous.check_peer(connection)
            self._connections.add(WorkerConnection(self, connection))
        except OSError as error:  # another account's, or no descriptor is left
            self.report(self._accept, error)
            connection.close()

    def _listen(self) -> None:
        if not self._ending:
            self.loop.add_reader(self._listener.fileno(), self._accept)

    def take(self, connection: WorkerConnection, request: messages.Request, number: int) -> None:
        """Carry out a worker's request; the reply goes out under the same number."""

        def done() -> None:
            connection.reply(messages.Done(), number)

        match request:
            case messages.Work():
                self._begin(connection, request, number)
            case messages.Prepare():  # the handlers are imported while the slave starts
                self._slaves.find(request.route, lambda found: None)
                self.loop.soon(self._late)
            case messages.Reset():
                self._slaves.forget(request.route)
                done()
            case messages.Register():
                self._register(connection, request.run)
                done()
            case messages.Leave():
                is_last = len(self._runs) <= 1
                then = functools.partial(self._slaves.end_containers, done) if is_last else done
                self._tidy(then)
            case messages.Alive():
                done()
            case messages.Status():
                connection.reply(self._status(), number)
            case messages.End():
                self.end(connection)
            case messages.Waits():
                self._note_newer(request.name)

    def _begin(self, connection: WorkerConnection, work: messages.Work, number: int) -> None:
        """Begin work for a worker, unless an earlier part of its sequence was not done."""
        started = time.monotonic()
        sequence = connection.sequence if work.in_sequence else None

        def reply(value: messages.Reply) -> None:
            self._unfinished.discard(started)
            # Before the reply, behind which the trace is read; its disk may be full.
            notify(self._note, work.action, value, time.monotonic() - started)
            if sequence is not None and not isinstance(value, messages.Ended | messages.Died):
                sequence.is_broken = True
            connection.reply(value, number)

        if sequence is not None and sequence.is_broken:
            connection.reply(messages.NotBegun(), number)
            return
        if isinstance(work.action, messages.Operations):
            self._unfinished.add(started)
        handlers, payloads = self._late()
        kind = handlers[type(work.action)]
        handler = kind(self._slaves, payloads, work, reply, bool(number), sequence)
        handler.begin()
        if number and not handler.is_over:
            connection.handlers[number] = handler

    def _late(self) -> tuple[Any, "PayloadStore"]:
        """Return the handlers and the payload store.

        They are imported late: a worker waits for the socket, not for them.
        """
        from ansible_econtext.broker.handlers import HANDLERS
        from ansible_econtext.broker.payload_store import PayloadStore

        if self._payloads is None:
            self._payloads = PayloadStore()
        return HANDLERS, self._payloads

    def gone(self, connection: WorkerConnection) -> None:
        """Forget a worker's connection, which calls this when it closes."""
        self._connections.discard(connection)

    # Status, trace and log

    def _status(self) -> messages.BrokerStatus:
        return messages.BrokerStatus(
            process=os.getpid(),
            runs=sorted(self._runs),
            persist=self._persist,
            idle=None if self._runs else time.monotonic() - self._idle_since,
            slaves=[slave.status() for slave in self._slaves.all()],
        )

    def _note(self, action: messages.Action, reply: messages.Reply, seconds: float) -> None:
        """Write a line to the trace, without arguments and output: they may be secret."""
        if self._trace is None:
            return
        import json

        slaves = {slave.link.name: slave.link.round_trips for slave in self._slaves.all()}
        note = {
            "action": type(action).__name__,
            "name": getattr(action, "name", ""),
            "reply": type(reply).__name__,
            "was_warm": getattr(reply, "was_warm", False),
            "seconds": round(seconds, 6),
            "round_trips": slaves,
        }
        self._trace.write(json.dumps(note) + "\n")
        self._trace.flush()

    def report(self, callback: object, error: Exception) -> None:
        """Write an internal error to the log, which the errors of workers quote."""
        import traceback

        print(f"internal error in {callback!r}", file=sys.stderr)
        traceback.print_exception(error, file=sys.stderr)

    # The end

    def _tidy(self, then: Callable[[], None]) -> None:
        before = set(self._unfinished)  # later ones are another run's: no wait for those
        shutdown.tidy(self.loop, self._slaves, lambda: not before & self._unfinished, then)

    def end(self, asked_by: WorkerConnection | None = None) -> None:
        """End the slaves, then this process.

        The connection `asked_by` stays open until then: its end tells the worker.
        """
        if self._ending:
            return
        self._ending = True
        shutdown.limit(self.loop, self._slaves)  # before anything that a fault could end
        self._left = shutdown.withdraw(self._directory, self._inode)
        self.loop.remove_reader(self._listener.fileno())
        self._listener.close()
        for connection in list(self._connections):
            if connection is not asked_by:
                connection.close()
        self._tidy(lambda: shutdown.close(self.loop, self._slaves))


def main(directory: str, run: str, lock: str, persist: str) -> None:
    """Run a broker, and end the process; called by the command of `launcher.start`."""
    sys.stderr = log.Log(sys.stderr.fileno())
    open_files.raise_limit()
    Broker(directory, int(run), int(lock), float(persist)).run()
    os._exit(0)  # the run waits for it, and the interpreter has nothing left to tidy up
