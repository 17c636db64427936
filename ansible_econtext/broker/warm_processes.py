"""Call processes that stay, for modules that are run again and again."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ansible_econtext import settings
from ansible_econtext.broker import target_modules
from ansible_econtext.broker.calls import CollectingCall, Output, too_much
from ansible_econtext.broker.sequence import Sequence
from econtext.controller.errors import EcontextError
from econtext.controller.link import Link
from econtext.target import codec, wire
from econtext.target.loop import Loop, monotonic

#: Seconds that a process stays when there is nothing to do, and within which a module that is not
#: a loop's is to be run a second time to get one; with 0 none stays.
_PATIENCE = settings.seconds("STAYING")

#: Begins a call of `run_module` in a process of its own.
Ordinary = Callable[[], CollectingCall]


class ModuleRun:
    """One run of a module, used as the call of `run_module` that it stands for."""

    def __init__(self, call: CollectingCall, ordinary: Ordinary) -> None:
        self._call = call
        self._ordinary = ordinary
        self._output = Output()
        self._is_given_up = False
        self.future: Future[Any] = Future()

    def outputs(self) -> dict[str, bytes]:
        return self._output.values()

    def end(self, stream: int) -> None:
        """A module that runs so has nothing on its standard input."""

    def kill(self) -> None:
        """Give it up, and all that comes after it: who does so gives up the last one first."""
        self._is_given_up = True
        self._call.kill()

    def printed(self, stream: int, data: bytes) -> None:
        if stream not in (wire.STDOUT, wire.STDERR):
            raise wire.ProtocolError("data of a stream that no module has")
        if not self._output.add(stream, data):
            self.settle(too_much())
            self._call.kill()

    def run_alone(self) -> None:
        """Have it done by the call that it stands for, as the process did not do it."""
        if self._is_given_up:
            return
        try:
            self._call = call = self._ordinary()
        except EcontextError as error:
            self.settle(error)
            return
        call.end(wire.STDIN)
        call.future.add_done_callback(lambda future: self._was_alone(call))

    def _was_alone(self, call: CollectingCall) -> None:
        self._output = call.collected
        self.settle(call.future.exception() or call.future.result())

    def settle(self, outcome: Any) -> None:
        """Give the outcome to whoever waits; the first one counts."""
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class WarmProcess(CollectingCall):
    """Runs one module for each request, one after the other, until it is let go."""

    def __init__(self, link: Link, manifest: bytes, name: str, loop: Loop) -> None:
        target_modules.provide(link, target_modules.FOR_WARM_PROCESSES)
        self._loop = loop
        #: Those that were asked for, and have no reply yet.
        self._runs: deque[ModuleRun] = deque()
        super().__init__(link, target_modules.WARM_PROCESS, "run", manifest, name)
        self.sink = self._take
        self._reader = wire.Reader(frozenset([wire.RESULT, wire.DATA]))
        #: The order that its last run is in.
        self.sequence: Sequence | None = None
        self._has_replied = False
        #: Whether it ended without doing anything, and no other one is to stay.
        self.is_refused = False
        #: Whether it gets nothing more to do.
        self.is_over = False
        self._last = monotonic()
        self._timer = loop.call_later(_PATIENCE, self._end_if_idle)
        # Credit for nothing: the slave reads at once what the process writes, as the replies are.
        self.link.send_credit(self.number, 0)
        self.future.add_done_callback(self._has_ended)

    @property
    def is_wanted(self) -> bool:
        """Whether it is at something."""
        return bool(self._runs)

    def ask(
        self, sequence: Sequence | None, arguments: dict[str, Any], ordinary: Ordinary
    ) -> ModuleRun:
        run = ModuleRun(self, ordinary)
        if not self._runs:  # else nobody waited for what went before
            self.link.round_trips += 1
        self._runs.append(run)
        self.sequence = sequence
        self.write(wire.STDIN, wire.frame(wire.CALL, 0, codec.encode(arguments)))
        return run

    def kill(self) -> None:
        self.is_over = True
        super().kill()

    def let_go(self) -> None:
        """Have the process end: nobody waits for that."""
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
        for kind, _, body in self._reader.feed(data) if stream == wire.STDOUT else ():
            if not self._runs:
                raise wire.ProtocolError("a reply that nobody waits for")
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
        if error is not None and self._runs:  # of the one that it was at
            self._runs.popleft().settle(error)
        undone, self._runs = self._runs, deque()
        self.is_refused = bool(undone) and not self._has_replied
        for run in undone:
            run.run_alone()


def _outcome(reply: Any) -> Any:
    """What a run's future gets."""
    match reply:
        case (int(status), list(made)):
            return status, [str(path) for path in made]
        case _:
            raise wire.ProtocolError("a reply of no known form")


class WarmProcesses:
    """Those of one slave, by module."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._calls: dict[bytes, WarmProcess] = {}
        #: When a module was run last.
        self._ran: dict[bytes, float] = {}

    def run(
        self, sequence: Sequence | None, link: Link, arguments: dict[str, Any], ordinary: Ordinary
    ) -> ModuleRun | None:
        """Have a module run in a process that stays; None where it is to be run by `ordinary`.

        A process does one after the other, and so only what is in an order with what it is at,
        if it is at something.
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
        elif call.is_wanted and (sequence is None or call.sequence is not sequence):
            return None
        run = call.ask(sequence, arguments, ordinary)
        if sequence is not None:
            sequence.follow(run.future)
        return run
