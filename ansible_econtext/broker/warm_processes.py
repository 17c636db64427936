"""Warm processes: call processes that stay, for modules that run again and again."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ansible_econtext import settings
from ansible_econtext.broker import target_modules
from ansible_econtext.broker.calls import MAX_RESULT, CollectingCall, Output, too_much
from ansible_econtext.broker.sequence import Sequence
from econtext.controller.errors import EcontextError
from econtext.controller.link import Link
from econtext.target import codec, wire
from econtext.target.loop import Loop, monotonic

#: Seconds that an idle process stays, and within which a module outside a loop must run again to
#: get one.  With 0 none stays.
_PATIENCE = settings.seconds("STAYING")

#: Begins an ordinary call: `run_module` in a process of its own.
Ordinary = Callable[[], CollectingCall]


class ModuleRun:
    """Run of a module in a warm process; has the interface of its ordinary call."""

    def __init__(
        self,
        link: Link,
        call: CollectingCall,
        ordinary: Ordinary,
        sequence: Sequence | None = None,
    ) -> None:
        self._call = call
        self._ordinary = ordinary
        self.sequence = sequence
        self._output = Output(link)
        self._is_given_up = False
        self.future: Future[Any] = Future()

    def outputs(self) -> dict[str, bytes]:
        return self._output.take()

    def end(self, stream: int) -> None:
        """Do nothing: a module in a warm process has no standard input."""

    def kill(self) -> None:
        """End the warm process, and so the later runs in it too.

        A caller that ends several runs begins with the last: none is then run alone.
        """
        self._is_given_up = True
        self._call.kill()

    def printed(self, stream: int, data: bytes) -> None:
        """Take a piece of the module's output; raises ProtocolError for another stream.

        The process goes on if that is too much: it may have begun the next run, and none is to
        be run twice.
        """
        if stream not in (wire.STDOUT, wire.STDERR):
            raise wire.ProtocolError("data of a stream that no module has")
        if not self._output.add(stream, data):
            self.settle(too_much())

    def run_alone(self) -> None:
        """Run the module by an ordinary call, because the warm process did not run it."""
        if self._is_given_up:
            return
        try:
            self._call = call = self._ordinary()
        except (EcontextError, codec.EncodeError) as error:
            self.settle(error)
            return
        call.end(wire.STDIN)
        call.future.add_done_callback(lambda future: self._was_alone(call))

    def _was_alone(self, call: CollectingCall) -> None:
        self._output = call.collected
        self.settle(call.future.exception() or call.future.result())

    def settle(self, outcome: Any) -> None:
        """Set the future's result or exception; only the first one counts."""
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class WarmProcess(CollectingCall):
    """Call process that runs one module many times, until it is let go."""

    def __init__(self, link: Link, manifest: bytes, name: str, loop: Loop) -> None:
        target_modules.provide(link, target_modules.FOR_WARM_PROCESSES)
        self._loop = loop
        #: Runs without a reply, the active one first.
        self._runs: deque[ModuleRun] = deque()
        super().__init__(link, target_modules.WARM_PROCESS, "run", manifest, name)
        self.sink = self._take
        self._reader = wire.Reader(frozenset([wire.RESULT, wire.DATA]), MAX_RESULT)
        self._has_replied = False
        #: Whether it ended before its first reply: this module gets no other warm process.
        self.is_refused = False
        #: Whether it takes no more runs.
        self.is_over = False
        self._last = monotonic()
        self._timer = loop.call_later(_PATIENCE, self._end_if_idle)
        # Credit for nothing makes the slave read the process's output, the replies, at once.
        self.link.send_credit(self.number, 0)
        self.future.add_done_callback(self._has_ended)

    def may_take(self, sequence: Sequence | None) -> bool:
        """Return whether a run of this sequence, or of none, would wait for its own runs alone."""
        if self._runs:
            return sequence is not None and self._runs[-1].sequence is sequence
        return sequence is None or not sequence.has_active_run

    def ask(
        self, sequence: Sequence | None, arguments: dict[str, Any], ordinary: Ordinary
    ) -> ModuleRun:
        """Run the module after those that wait; `ordinary` runs it if the process ends."""
        request = wire.frame(wire.CALL, 0, codec.encode(arguments))
        run = ModuleRun(self.link, self, ordinary, sequence)
        if not self._runs:  # else it went out without a wait for the run before
            self.link.round_trips += 1
        self._runs.append(run)
        self.write(wire.STDIN, request)
        return run

    def kill(self) -> None:
        self.is_over = True
        super().kill()

    def let_go(self) -> None:
        """End the process by the end of its input, without a wait."""
        self.is_over = True
        self._timer.cancel()
        self.end(wire.STDIN)

    def _end_if_idle(self) -> None:
        rest = self._last + _PATIENCE - monotonic()
        if self._runs or rest > 0:
            self._timer = self._loop.call_later(max(rest, _PATIENCE / 4), self._end_if_idle)
        else:
            self.let_go()

    def _take(self, stream: int, data: bytes) -> None:
        self.credit(len(data))
        for kind, _, body in self._reader.feed(data) if stream == wire.STDOUT else ():
            if not self._runs:
                raise wire.ProtocolError("a reply to no request")
            if kind == wire.DATA:
                self._runs[0].printed(*wire.split_data(body))
                continue
            outcome = _outcome(codec.decode(body))
            self._has_replied = True
            self._last = monotonic()
            self._runs.popleft().settle(outcome)

    def _has_ended(self, future: Any) -> None:
        self.is_over = True
        self._timer.cancel()
        error = future.exception()
        if error is not None and self._runs:  # the active run's error
            self._runs.popleft().settle(error)
        undone, self._runs = self._runs, deque()
        self.is_refused = bool(undone) and not self._has_replied
        for run in undone:
            run.run_alone()


def _outcome(reply: Any) -> Any:
    """Return a run's result from the process's reply; raises ProtocolError."""
    match reply:
        case (int(), list()):  # its handler looks into them
            return reply
        case _:
            raise wire.ProtocolError("a reply of no known form")


class WarmProcesses:
    """Warm processes of one slave, by the digest of the payload's manifest."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._calls: dict[bytes, WarmProcess] = {}
        #: When each module ran last.
        self._ran: dict[bytes, float] = {}

    def run(
        self, sequence: Sequence | None, link: Link, arguments: dict[str, Any], ordinary: Ordinary
    ) -> ModuleRun | None:
        """Run a module in a warm process; return None if it must be run by `ordinary`.

        A process runs one module after another.  A busy one takes a run of its own sequence
        only, since other tasks would wait for it.
        """
        manifest = arguments["manifest"]
        ran_before, now = self._ran.get(manifest, 0.0), monotonic()
        self._ran[manifest] = now
        if sequence is not None and sequence.has_active_call:
            return None
        call = self._calls.get(manifest)
        if call is not None and call.is_refused:
            return None
        if call is None or call.is_over:
            pause = 0.0 if sequence is not None else now - ran_before
            if pause >= _PATIENCE or (sequence is not None and sequence.has_active_run):
                return None
            call = WarmProcess(link, manifest, arguments["name"], self._loop)
            self._calls[manifest] = call
        elif not call.may_take(sequence):
            return None
        run = call.ask(sequence, arguments, ordinary)
        if sequence is not None:
            sequence.follow(run.future)
        return run
