"""Call channel: a call that exchanges values with its caller while it runs.

The process runs `econtext.target.channel_end`.  What each end may send is counted there and here
by `econtext.target.exchange`.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from econtext.controller import sources
from econtext.controller.channels import Call
from econtext.controller.errors import CallError, EcontextError
from econtext.controller.link import Link
from econtext.target import exchange, wire

if TYPE_CHECKING:
    from econtext.controller.router import Router

T = TypeVar("T")

#: Module of the functions that run the caller's.
END = "econtext.target.channel_end"

#: What it imports besides the bundle.
_IMPORTED = ("econtext.target.exchange", "econtext.target.call_loop")

#: Frames that may wait to be sent: more than a window's small values, the pieces of the largest
#: value, and credit come to.
_MOST_UNSENT = 4096


class ExchangingCall(Call):
    """Call of a function of `END`.

    Its methods are for the loop's thread.  `changed` guards `exchange` and `waiters`, which the
    callers' threads use too.
    """

    def __init__(self, entry: str, link: Link, request: dict[str, Any]) -> None:
        self.exchange = exchange.Exchange()
        self.changed = threading.Condition()
        #: Each is done at the next change, for those that wait without a thread.
        self.waiters: set[Future[None]] = set()
        link.holdings.provide(map(sources.minified, (*_IMPORTED, END)))
        arguments = (request["module"], request["function"], *request["arguments"])
        called = {"module": END, "function": entry, "arguments": arguments}
        super().__init__(link, {**request, **called})
        self.function = f"{request['module']}.{request['function']}"

    def tell(self, message: bytes) -> None:
        """Send a message to the process."""
        self.write(wire.STDIN, wire.frame(wire.REPLY, 0, message))

    def reply(self, body: bytes) -> None:
        if len(self._queue) > _MOST_UNSENT:  # credit for what was received piles up
            raise wire.ProtocolError("values, but what is sent to it is not read")
        with self.changed:
            self.exchange.take(body)
            self._notify()

    def settle(self, outcome: Any) -> None:
        super().settle(outcome)
        with self.changed:
            self._notify()

    def _notify(self) -> None:
        self.changed.notify_all()
        for waiter in self.waiters:
            if waiter.set_running_or_notify_cancel():
                waiter.set_result(None)
        self.waiters.clear()


class Stream:
    """Values that a generator function yields on the target: an iterator, also an asynchronous one.

    Made by `Context.stream`, never by hand.  For any thread except the router's own.  It is a
    context manager, which closes it; without a reference to it, it is closed too.
    """

    def __init__(self, router: "Router", call: ExchangingCall) -> None:
        self._router = router
        self._call = call
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self._call.link.name}>"

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End the process and what it started, without a wait; drop what was not received."""
        self._is_closed = True
        self._call.future.cancel()

    def receive(self, timeout: float | None = None) -> Any:
        """Wait for the next value, and return it.

        Behind the last one, raises EOFError if the function returned, and else the errors of
        `Context.call`.  Raises TimeoutError after `timeout` seconds, and EcontextError if closed.
        """
        return self._when(self._may_receive, self._receive, timeout)

    def __iter__(self: T) -> T:
        return self

    def __next__(self) -> Any:
        try:
            return self.receive()
        except CallError:  # of the function, maybe an EOFError
            raise
        except EOFError:
            raise StopIteration from None

    def __aiter__(self: T) -> T:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._when_async(self._may_receive, self._receive)
        except CallError:
            raise
        except EOFError:
            raise StopAsyncIteration from None

    def _may_receive(self) -> bool:
        return bool(self._call.exchange.values) or self._call.future.done()

    def _receive(self) -> Any:
        if not self._call.exchange.values or self._is_closed:
            self._raise_end()
        value, credit = self._call.exchange.next()
        if credit and not self._call.future.done():
            self._tell(credit)
        return value

    def _raise_end(self) -> NoReturn:
        """Raise why there are no more values; to be called when the future is done."""
        if self._is_closed:
            raise EcontextError(f"{self._call.link.name}: the call channel is closed")
        self._call.future.result()
        raise EOFError("the function has returned")

    def _tell(self, message: bytes) -> None:
        call = self._call
        self._router.post(lambda: call.tell(message))

    def _when(self, is_ready: Callable[[], bool], act: Callable[[], T], timeout: float | None) -> T:
        """Act when it is ready, with the lock held; raises TimeoutError."""
        with self._call.changed:
            if not self._call.changed.wait_for(is_ready, timeout):
                raise TimeoutError(f"nothing for {timeout} seconds")
            return act()

    async def _when_async(self, is_ready: Callable[[], bool], act: Callable[[], T]) -> T:
        """Do as `_when`; if it is cancelled, nothing was done."""
        import asyncio  # 0.04 s, which programs without it need not spend

        while True:
            with self._call.changed:
                if is_ready():
                    return act()
                waiter: Future[None] = Future()
                self._call.waiters.add(waiter)
            try:
                await asyncio.wrap_future(waiter)
            finally:
                with self._call.changed:
                    self._call.waiters.discard(waiter)


class CallChannel(Stream):
    """A function's channel to its caller, both ways.

    Made by `Context.channel`, never by hand.  Otherwise as a stream.
    """

    _is_ended = False

    def send(self, value: Any, timeout: float | None = None) -> None:
        """Send a value; wait while the function is a window behind.

        Raises the errors of `receive`, EcontextError after `end`, and EncodeError.
        """
        message = exchange.value_message(value)
        self._when(lambda: self._may_send(message), lambda: self._send(message), timeout)

    async def asend(self, value: Any) -> None:
        """Do as `send`, in an asynchronous program."""
        message = exchange.value_message(value)
        await self._when_async(lambda: self._may_send(message), lambda: self._send(message))

    def end(self) -> None:
        """Send no more values: the function's iteration ends behind those that were sent."""
        with self._call.changed:
            if not self._is_ended and not self._call.future.done():
                self._is_ended = True
                self._tell(exchange.END)

    def _may_send(self, message: bytes) -> bool:
        may_send = self._call.exchange.may_send(message)
        return may_send or self._is_ended or self._call.future.done()

    def _send(self, message: bytes) -> None:
        if self._call.future.done():
            self._raise_end()
        if self._is_ended:
            raise EcontextError(f"{self._call.link.name}: this direction was ended")
        self._call.exchange.sent(message)
        self._tell(message)
