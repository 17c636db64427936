"""What tests wait for that might never come, and what must not outlive them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
import time
from collections.abc import Callable

from econtext.target.loop import Loop
from tests.support.processes import Process, alive, family, until


def error_of(function: Callable[[], object], seconds: float = 10) -> BaseException | None:
    """What `function` raises, for one that might never end: its thread then stays behind."""
    caught: list[BaseException | None] = []

    def run() -> None:
        try:
            function()
            caught.append(None)
        except BaseException as error:
            caught.append(error)

    threading.Thread(target=run, daemon=True).start()
    until(seconds, lambda: caught, "it has ended")
    return caught[0]


def run_until(loop: Loop, done: Callable[[], object]) -> None:
    """Run a loop until something is done, which no callback of the loop need tell of."""
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        loop.call_later(0.02, lambda: None)
        loop.run_once()


def announced(path: pathlib.Path) -> list[int]:
    """The numbers that `target.ending.announce` wrote, as soon as they are there.

    What runs under them is ended after the test, if the test did not end it.
    """
    until(20, path.exists, f"{path} is there")
    pids = [int(pid) for pid in path.read_text(encoding="ascii").split()]
    to_be_ended(*pids)
    return pids


_to_be_ended: set[Process] = set()


def to_be_ended(*pids: int) -> None:
    """Remember these processes, and all that descend from them, for `end_all`."""
    _to_be_ended.update(family(*pids))


def end_all() -> None:
    """Kill what is remembered and still runs: a test that failed could not."""
    for process in alive(_to_be_ended):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    _to_be_ended.clear()


def running(argument: str) -> set[Process]:
    """What descends from this process and was started with this argument."""
    return {one for one in family(os.getpid()) if argument in one.argv.split()}
