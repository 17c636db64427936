"""Call session: a call process that stays, for calls that build on each other and for speed.

The process runs `econtext.target.call_loop`.  Requests go to its standard input without a wait for
the replies to those before them, which come in the same order.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from econtext.controller import sources
from econtext.controller.channels import Call, settle
from econtext.controller.errors import CallDied, EcontextError
from econtext.controller.link import Link
from econtext.target import codec, wire

if TYPE_CHECKING:
    from econtext.controller.router import Router

#: Module of the function that serves a session's calls.
LOOP = "econtext.target.call_loop"

#: Bytes of requests that may be on their way or wait in the process: enough to have one there when
#: the one before it ends, on any network, and little for the process to keep.
AHEAD = 1 << 18

#: Requests have numbers from 1 to this one, then from 1 again.
_LAST_NUMBER = 0xFFFFFFFF


class CallSession:
    """Handle to a call process that runs one call after another, until it is closed.

    Made by `Context.session`, never by hand.  For any thread except the router's own.  It is a
    context manager, which closes it.
    """

    def __init__(self, router: "Router", name: str, serving: "ServingCall") -> None:
        self._router = router
        self._name = name
        self._serving = serving
        self._is_closed = False
        #: What the loop's thread has not yet taken; it is woken for the first of them alone.
        self._started: list[Asked] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<CallSession on {self._name}>"

    def __enter__(self) -> "CallSession":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `function` in the session's process, and return what it returns.

        Arguments and errors are those of `Context.call`.  CallDied is also raised if the process
        has ended before.
        """
        return self.start(function, *args, **kwargs).result()

    def start(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> "Future[Any]":
        """Begin a call when all that were started before have ended; return its future.

        To cancel it takes it out of the line.  If it may have begun, that ends the process.
        Raises EcontextError if the session is closed.
        """
        if self._is_closed:
            raise EcontextError(f"{self._name}: the call session is closed")
        module, name = sources.importable(function)
        offered = self._router.offered(module)
        request = codec.encode((module, name, args, kwargs, offered))
        if len(request) > wire.MAX_MESSAGE:
            raise codec.EncodeError(f"arguments of {len(request)} bytes are too long to send")
        asked = Asked(request, module, name, offered)
        with self._lock:
            if not self._started:  # else the loop's thread has yet to take those
                self._router.post(self._take)
            self._started.append(asked)
        asked.future.add_done_callback(
            lambda future: (
                self._router.post(lambda: self._serving.withdraw(asked))
                if future.cancelled()
                else None
            )
        )
        return asked.future

    def _take(self) -> None:
        with self._lock:
            started, self._started = self._started, []
        for asked in started:
            self._serving.ask(asked)

    def close(self) -> None:
        """End the process and what it started, without a wait.

        Calls that have not ended are ended with it, and raise CallDied.
        """
        if not self._is_closed and not self._router.closed:
            self._router.post(self._serving.close)
        self._is_closed = True


class Asked:
    """One call of a session; all but its future is for the loop's thread."""

    def __init__(self, request: bytes, module: str, name: str, offered: tuple[str, ...]) -> None:
        self.future: Future[Any] = Future()
        self.request = request
        self.module = module
        self.function = f"{module}.{name}"
        self.offered = offered
        #: Number under which it was sent; 0 before.
        self.number = 0
        self.is_withdrawn = False
        self._is_settled = False

    def settle(self, outcome: Any) -> None:
        """Set the future's result or exception; only the first one counts."""
        if not self._is_settled:
            self._is_settled = True
            settle(self.future, outcome)


class ServingCall(Call):
    """Call that serves the calls of a session.  All methods are for the loop's thread."""

    def __init__(self, link: Link, log_level: int) -> None:
        self._waiting: deque[Asked] = deque()
        #: Those without a reply, by number, in their order.  The first one may have begun.
        self._sent: OrderedDict[int, Asked] = OrderedDict()
        self._ahead = 0  # bytes of those
        self._last = 0
        self._error: BaseException | None = None
        link.holdings.provide([sources.minified(LOOP)])
        request: dict[str, Any] = {
            "module": LOOP,
            "function": "serve",
            "arguments": (),
            "keywords": {},
            "offered": (),
            "log_level": log_level,
        }
        super().__init__(link, request)

    def ask(self, asked: Asked) -> None:
        """Send a request as soon as few others are ahead of it."""
        if self._error is not None:
            asked.settle(self._error)
            return
        self._waiting.append(asked)
        self._send_requests()

    def _send_requests(self) -> None:
        while self._waiting and not self._is_killed and self._ahead < AHEAD:
            asked = self._waiting.popleft()
            if asked.future.cancelled():
                continue
            if not sources.is_everywhere(asked.module):
                self.link.holdings.provide_function(asked.module)
            self._offered |= frozenset(asked.offered)
            self._last = asked.number = self._last % _LAST_NUMBER + 1
            self._sent[asked.number] = asked
            self._ahead += len(asked.request)
            self.write(wire.STDIN, wire.frame(wire.CALL, asked.number, asked.request))

    def withdraw(self, asked: Asked) -> None:
        """Withdraw a request whose future was cancelled; end the process if it may have begun."""
        asked.settle(None)  # tells threads that wait for it
        if self._sent.get(asked.number) is not asked:
            return
        if asked is self._first():
            self.kill()
        else:
            asked.is_withdrawn = True
            self.write(wire.STDIN, wire.frame(wire.CLOSE, asked.number))

    @property
    def tag(self) -> str:
        return f"{self.number} {self._first().function if self._sent else self.function}"

    def _first(self) -> Asked:
        return next(iter(self._sent.values()))

    def close(self) -> None:
        """End the process: by the end of its input if nothing runs there."""
        if self._sent or self._waiting:
            self.kill()
        else:
            self.end(wire.STDIN)

    # Called by the link

    def reply(self, body: bytes) -> None:
        """Take the reply to the first request, or that one was withdrawn before its turn."""
        if not self._sent:
            raise wire.ProtocolError("a reply to no request")
        self.end_lines()  # a waiting caller finds all of the call's output in the log
        match codec.decode(body):
            case ("withdrawn", int(number)):
                if number not in self._sent or not self._sent[number].is_withdrawn:
                    raise wire.ProtocolError("a request withdrawn that was not to be")
                self._over(number)
            case value:
                outcome = self.outcome_of(value)
                self._over(self._first().number).settle(outcome)
                if self._sent and self._first().future.cancelled():
                    # The process sends that it withdrew one ahead of the reply before: this one
                    # has begun, or will.
                    self.kill()
        self._send_requests()

    def _over(self, number: int) -> Asked:
        asked = self._sent.pop(number)
        self._ahead -= len(asked.request)
        return asked

    def result(self, value: Any) -> None:
        """Take the result of the loop itself: with a value, its process's status follows."""
        super().result(value)
        error = self.future.exception()
        if error is not None:
            self._fail(error)

    def exited(self, status: int) -> None:
        super().exited(status)
        self._fail(CallDied(self.link.name, status))

    def lost(self, error: EcontextError) -> None:
        super().lost(error)
        self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Give the error to all calls without a reply, and to all later ones."""
        if self._error is None:
            self._error = error
        undone = [*self._sent.values(), *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        for asked in undone:
            asked.settle(self._error)
