"""What stands around the code that is fuzzed: a process, a loop, a pool of one slave."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any
from unittest import mock

from ansible_econtext.broker import file_transfer
from ansible_econtext.broker.pooled_slave import PooledSlave
from econtext.controller.link import Link
from econtext.target.loop import Timer


class Faults(logging.Handler):
    """Keeper of what the code logs as a fault of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record)


class Process:
    """In place of the command that leads to a slave, of which it counts the credit."""

    def __init__(self) -> None:
        self.on_output = self.on_exit = self.on_input_written = None
        self.is_killed = False
        self.owed = 0

    def write(self, stream: int, data: bytes) -> None:
        pass

    def end(self, stream: int) -> None:
        pass

    def credit(self, size: int) -> None:
        self.owed -= size

    def kill(self) -> None:
        self.is_killed = True


class Turns:
    """In place of the loop: calls back when it is told to."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []
        self._timers: list[Timer] = []

    def soon(self, callback: Callable[[], None]) -> None:
        self._calls.append(callback)

    post = soon

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        self._timers.append(timer)
        return timer

    def add_reader(self, descriptor: int, callback: Callable[[], None]) -> None:
        pass

    add_writer = add_reader

    def remove_reader(self, descriptor: int) -> None:
        pass

    remove_writer = remove_reader

    def run(self) -> None:
        """Call back all but the timers."""
        while self._calls:
            self._calls.pop(0)()

    def expire(self) -> None:
        """Call back the timers that there are."""
        timers, self._timers = self._timers, []
        for timer in timers:
            if timer.callback is not None:
                timer.callback()  # type: ignore[operator]


class Disk(file_transfer.DiskThread):
    """In place of a thread for one file: does each operation at once."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop

    def do(self, operation: Callable[[], Any], then: Callable[[Any], None]) -> None:
        try:
            outcome = operation()
        except Exception as error:
            outcome = error
        self._loop.soon(functools.partial(then, outcome))

    def end(self) -> None:
        self.close()


#: For the time of a property, which is the same each time that it is run.
no_disk_thread = mock.patch.object(file_transfer, "DiskThread", Disk)


class Pool:
    """Pool that has one slave, and another one at the end of a route to another Python."""

    def __init__(self, link: Link, loop: Any) -> None:
        self.slave = PooledSlave(link, "python", (b"key",), loop)
        self._other = PooledSlave(link, "another", (b"key", b"other"), loop)

    def find(self, route: Any, found: Callable[[Any], None]) -> None:
        found(self._other if route[-1].python == "another" else self.slave)

    def vacate(self, route: Any, account: str, then: Callable[[], None]) -> None:
        then()

    def note_loss(self, route: Any) -> None:
        pass

    def retire(self, slave: PooledSlave) -> None:
        pass

    def forget(self, route: Any) -> None:
        pass

    def send_ahead(self, route: Any, callback: Callable[[Link], None]) -> None:
        pass


def link(turns: Turns) -> Link:
    return Link("fuzzed", Process(), turns.soon, turns.soon)  # type: ignore[arg-type]
