"""Call processes that stay, for a task that runs the same module again and again."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ansible_econtext import shipped
from ansible_econtext.collecting import CollectingCall
from ansible_econtext.order import Order
from econtext.controller.errors import EcontextError
from econtext.controller.link import Link
from econtext.target import codec, wire

#: Begins a call of `run_module` in a process of its own.
Ordinary = Callable[[], CollectingCall]


class Run:
    """One run of a module, used as the call of `run_module` that it stands for."""

    def __init__(self, call: CollectingCall, ordinary: Ordinary) -> None:
        self._call = call
        self._ordinary = ordinary
        self._output: dict[int, list[bytes]] = {wire.STDOUT: [], wire.STDERR: []}
        self._is_given_up = False
        self.future: Future[Any] = Future()

    def outputs(self) -> dict[str, bytes]:
        stdout, stderr = map(b"".join, self._output.values())
        return {"stdout": stdout, "stderr": stderr}

    def end(self, stream: int) -> None:
        """A module that runs so has nothing on its standard input."""

    def kill(self) -> None:
        """Give it up, and all that comes after it: who does so gives up the last one first."""
        self._is_given_up = True
        self._call.kill()

    def printed(self, stream: int, data: bytes) -> None:
        if stream not in self._output:
            raise wire.ProtocolError("data of a stream that no module has")
        self._output[stream].append(data)

    def run_alone(self) -> None:
        """Have it done by the call that it stands for, as the process did not do it."""
        if self._is_given_up:
            return
        try:
            self._call = call = self._ordinary()
        except EcontextError as error:
            self.future.set_exception(error)
            return
        call.end(wire.STDIN)
        call.future.add_done_callback(lambda future: self._was_alone(call))

    def _was_alone(self, call: CollectingCall) -> None:
        printed = call.outputs()
        self._output = {wire.STDOUT: [printed["stdout"]], wire.STDERR: [printed["stderr"]]}
        error = call.future.exception()
        if error is None:
            self.future.set_result(call.future.result())
        else:
            self.future.set_exception(error)


class StayingCall(CollectingCall):
    """Runs one module for each request, one after the other, until it is let go."""

    def __init__(self, link: Link, manifest: bytes, name: str) -> None:
        shipped.provide(link, (shipped.STAYING,))
        super().__init__(link, shipped.STAYING, "run", manifest, name)
        self.sink = self._take
        self._reader = wire.Reader(frozenset([wire.RESULT, wire.DATA]))
        #: Those that were asked for, and have no reply yet.
        self._runs: deque[Run] = deque()
        #: Whether the process left some of them undone, and no other one is to stay.
        self.is_refused = False
        # Credit for nothing: the slave reads at once what the process writes, as the replies are.
        self.link.send_credit(self.number, 0)
        self.future.add_done_callback(self._has_ended)

    def ask(self, arguments: dict[str, Any], ordinary: Ordinary) -> Run:
        run = Run(self, ordinary)
        if not self._runs:  # else nobody waited for what went before
            self.link.round_trips += 1
        self._runs.append(run)
        self.write(wire.STDIN, wire.frame(wire.CALL, 0, codec.encode(arguments)))
        return run

    def let_go(self) -> None:
        """Have the process end: nobody waits for that."""
        self.is_wanted = False
        self.end(wire.STDIN)

    def _take(self, stream: int, data: bytes) -> None:
        for kind, _, body in self._reader.feed(data) if stream == wire.STDOUT else ():
            if not self._runs:
                raise wire.ProtocolError("a reply that nobody waits for")
            if kind == wire.DATA:
                self._runs[0].printed(*wire.split_data(body))
                continue
            match codec.decode(body):
                case (int(status), list(made)):
                    self._runs.popleft().future.set_result((status, [str(path) for path in made]))
                case _:
                    raise wire.ProtocolError("a reply of no known form")

    def _has_ended(self, future: Any) -> None:
        error = future.exception()
        if error is not None and self._runs:  # of the one that it was at
            self._runs.popleft().future.set_exception(error)
        undone, self._runs = self._runs, deque()
        self.is_refused = bool(undone)
        for run in undone:
            run.run_alone()


class Staying:
    """Those of one line to the broker, by the slave's link and the module."""

    def __init__(self) -> None:
        self._calls: dict[tuple[Link, bytes], StayingCall] = {}

    def call(
        self,
        order: Order | None,
        link: Link,
        module: str,
        function: str,
        arguments: dict[str, Any],
    ) -> CollectingCall | Run:
        """Begin a call of `run_module`, or what stands for one; in an order if there is one,
        which a process that stays keeps by itself."""

        def ordinary() -> CollectingCall:
            if order is not None:
                return order.call(link, module, function, arguments)
            link.round_trips += 1
            return CollectingCall(link, module, function, arguments)

        key = link, arguments["manifest"]
        call = self._calls.get(key)
        if call is not None and call.is_refused:
            return ordinary()
        if call is None or call.future.done():
            call = self._calls[key] = StayingCall(link, arguments["manifest"], arguments["name"])
        return call.ask(arguments, ordinary)

    def let_go(self) -> None:
        """Have all of them end."""
        for call in self._calls.values():
            call.let_go()
        self._calls = {}
