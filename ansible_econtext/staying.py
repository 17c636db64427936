"""Call processes that stay, for a task that runs the same module for one file after the other."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ansible_econtext import shipped
from ansible_econtext.collecting import CollectingCall
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
        self._outputs = {"stdout": b"", "stderr": b""}
        self.future: Future[Any] = Future()

    def outputs(self) -> dict[str, bytes]:
        return self._outputs

    def end(self, stream: int) -> None:
        """A module that runs so has nothing on its standard input."""

    def kill(self) -> None:
        self._call.kill()

    def replied(self, status: int, made: list[str], outputs: dict[str, bytes]) -> None:
        self._outputs = outputs
        self.future.set_result((status, made))

    def run_alone(self) -> None:
        """Have it done by the call that it stands for: processes do not stay there."""
        try:
            self._call = call = self._ordinary()
        except EcontextError as error:
            self.future.set_exception(error)
            return
        call.end(wire.STDIN)
        call.future.add_done_callback(lambda future: self._was_alone(call))

    def _was_alone(self, call: CollectingCall) -> None:
        self._outputs = call.outputs()
        error = call.future.exception()
        if error is None:
            self.future.set_result(call.future.result())
        else:
            self.future.set_exception(error)


class StayingCall(CollectingCall):
    """Runs one module for each request, one at a time, until it is let go."""

    def __init__(self, link: Link, manifest: bytes, name: str) -> None:
        shipped.provide(link, (shipped.STAYING,))
        super().__init__(link, shipped.STAYING, "run", manifest, name)
        self.sink = self._take
        self._reader = wire.Reader(frozenset([wire.RESULT]))
        self._run: Run | None = None
        #: Whether the process did not stay.
        self.is_refused = False
        # Credit for nothing: the slave reads at once what the process writes, as the replies are.
        self.link.send_credit(self.number, 0)
        self.future.add_done_callback(self._has_ended)

    def ask(self, arguments: dict[str, Any], ordinary: Ordinary) -> Run:
        self._run = Run(self, ordinary)
        self.write(wire.STDIN, wire.frame(wire.CALL, 0, codec.encode(arguments)))
        return self._run

    def let_go(self) -> None:
        """Have the process end: nobody waits for that."""
        self.is_wanted = False
        self.end(wire.STDIN)

    def _take(self, stream: int, data: bytes) -> None:
        for _, _, body in self._reader.feed(data) if stream == wire.STDOUT else ():
            run, self._run = self._run, None
            match codec.decode(body):
                case (int(status), list(made), bytes(stdout), bytes(stderr)) if run is not None:
                    paths = [str(path) for path in made]
                    run.replied(status, paths, {"stdout": stdout, "stderr": stderr})
                case _:
                    raise wire.ProtocolError("a reply of no known form")

    def _has_ended(self, future: Any) -> None:
        run, self._run = self._run, None
        error = future.exception()
        self.is_refused = error is None and run is not None
        if run is not None and error is not None:
            run.future.set_exception(error)
        elif run is not None:
            run.run_alone()


class Staying:
    """Those of one line to the broker, by the slave's link and the module."""

    def __init__(self) -> None:
        self._calls: dict[tuple[Link, bytes], StayingCall] = {}

    def call(
        self, link: Link, module: str, function: str, arguments: dict[str, Any]
    ) -> CollectingCall | Run:
        """Begin a call of `run_module`, or what stands for one."""

        def ordinary() -> CollectingCall:
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
