"""Calls and commands whose output is part of the reply to a request.

For the broker's one thread, like all of this folder.
"""

import gc
import io
from collections.abc import Callable
from typing import Any

from ansible_econtext.broker import target_modules
from ansible_econtext.client.messages import Failed, FailureCode
from econtext.controller.channels import Call, RemoteCommand
from econtext.controller.errors import CallDied, CallError, is_exit_status
from econtext.controller.link import Link
from econtext.target import wire

#: Bytes of output of one module or command that the broker holds at the most.
MAX_OUTPUT = 256 * 1024 * 1024

#: Bytes that it holds of all modules and commands of one slave at the most.
MAX_TOGETHER = 2 * MAX_OUTPUT

#: Bytes of a result, which is a status and some paths or the text of an error.  To decode 1 MiB of
#: empty sets takes 0.6 s, in which no other host is served.
MAX_RESULT = 128 * 1024


class Output:
    """Buffer of standard output and standard error, up to `MAX_OUTPUT` bytes.

    All buffers of a link hold `MAX_TOGETHER` bytes at the most, until they are freed.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._size = 0
        self._is_full = False
        self._empty()

    def _empty(self) -> None:
        self._link.kept_output -= self._size
        self._size = 0
        # One buffer each: a list would take 40 times the memory for pieces of one byte.
        self._streams = {wire.STDOUT: io.BytesIO(), wire.STDERR: io.BytesIO()}

    def __del__(self) -> None:
        self._link.kept_output -= self._size

    def add(self, stream: int, data: bytes) -> bool:
        """Keep a piece of output; return False, and drop it, if the buffer is full.

        What comes on another stream is dropped.
        """
        if self._is_full or self._is_too_much(len(data)):
            self._is_full = True
            return False
        self._size += len(data)
        self._link.kept_output += len(data)
        if stream in self._streams:
            self._streams[stream].write(data)
        return True

    def _is_too_much(self, size: int) -> bool:
        if self._size + size > MAX_OUTPUT:
            return True
        if self._link.kept_output + size > MAX_TOGETHER:
            gc.collect()  # calls that are over may not be freed yet
        return self._link.kept_output + size > MAX_TOGETHER

    def take(self) -> dict[str, bytes]:
        """Return what was kept, and keep it no longer: calls live longer than their replies."""
        streams = self._streams
        self._empty()
        return {
            "stdout": streams[wire.STDOUT].getvalue(),
            "stderr": streams[wire.STDERR].getvalue(),
        }


def too_much() -> CallError:
    """Return the error of a call whose output did not fit the buffer."""
    limits = (
        f"more than {MAX_OUTPUT} bytes of output, or {MAX_TOGETHER} with the others of its slave"
    )
    return CallError("OverflowError", limits)


def status_of(value: Any) -> int:
    """Return a result that is to be an exit status; raises ValueError if it is none."""
    if not is_exit_status(value):
        raise ValueError("no exit status")
    return value


class CollectingCall(Call):
    """Call that collects its output, or hands it to `sink` if that is set, which gives credit.

    If `after` is not 0, the slave begins the call when the call on that channel has ended.
    """

    longest_result = MAX_RESULT

    def __init__(
        self, link: Link, module: str, function: str, *arguments: Any, after: int = 0
    ) -> None:
        self.collected = Output(link)
        self.sink: Callable[[int, bytes], None] | None = None
        #: Bytes that the target took or sent.
        self.moved = 0
        request: dict[str, Any] = {
            "module": module,
            "function": function,
            "arguments": arguments,
            "keywords": {},
            "offered": (),
            "log_level": None,  # the broker reads no logs, and stock Ansible leaves logging alone
        }
        super().__init__(link, request, after)

    def sent(self, size: int) -> None:
        self.moved += size

    def output(self, stream: int, data: bytes) -> None:
        self.moved += len(data)
        if self.sink is not None:
            self.sink(stream, data)
            return
        if not self.collected.add(stream, data):
            self.settle(too_much())
            self.kill()
        self.credit(len(data))

    def outputs(self) -> dict[str, bytes]:
        return self.collected.take()


def failure_of(error: CallDied | CallError) -> Failed:
    """Return the reply to a request whose call failed."""
    if isinstance(error, CallDied):
        return Failed(FailureCode.CALL, str(error))
    if error.kind == target_modules.OPERATION_ERROR:
        return Failed(FailureCode.OPERATION, error.text)
    return Failed(FailureCode.CALL, f"{error.kind}: {error.text}")


class CollectingCommand(RemoteCommand):
    """Command without input that collects its output; calls `done` at its end."""

    def __init__(
        self, link: Link, argv: list[str], done: Callable[["CollectingCommand"], None]
    ) -> None:
        self._output = Output(link)
        self.status = 255
        super().__init__(link, argv, False)
        self.on_output = self._collect
        self.on_exit = lambda status: self._finish(status, done)
        self.end(wire.STDIN)

    def _collect(self, stream: int, data: bytes) -> None:
        if not self._output.add(stream, data):
            self.kill()
        self.credit(len(data))

    def _finish(self, status: int, done: Callable[["CollectingCommand"], None]) -> None:
        self.status = status if status >= 0 else 128 - status
        done(self)

    def outputs(self) -> dict[str, bytes]:
        """Return what the command printed; raises the link's error if that ended first."""
        if self.link.error is not None:
            raise self.link.error
        return self._output.take()
