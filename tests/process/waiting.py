"""Waiting with a deadline, and looking at processes through /proc."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Process(NamedTuple):
    """One process for good: numbers are used again, with another start."""

    pid: int
    started: int


def until(look: Callable[[], T], words: str, seconds: float = 20) -> T:
    """The first true value that `look` returns; after the deadline an error that says `words`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} seconds still not: {words}")
        time.sleep(0.01)


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
    until(lambda: caught, "it has ended", seconds)
    return caught[0]


def announced(path: pathlib.Path) -> list[int]:
    """The numbers that `target.ending.announce` wrote, as soon as they are there.

    What runs under them is ended after the test, if the test did not end it.
    """
    until(path.exists, f"{path} is there")
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


def _table() -> dict[int, tuple[int, int]]:
    """Number: (parent's number, start) of all processes that have not ended."""
    table = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):  # any of them may end meanwhile
        try:
            # The name, in parentheses, may hold anything: what matters comes after it.
            fields = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":
            table[int(path.name)] = int(fields[1]), int(fields[19])
    return table


def family(*pids: int) -> set[Process]:
    """These processes and all that descend from them."""
    table = _table()
    found = {pid for pid in pids if pid in table}
    grown = True
    while grown:
        more = {pid for pid, (parent, _) in table.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return {Process(pid, table[pid][1]) for pid in found}


def children() -> set[Process]:
    """What this process itself started."""
    table = _table()
    return {Process(pid, start) for pid, (parent, start) in table.items() if parent == os.getpid()}


def since(before: set[Process]) -> set[Process]:
    """The children that were not there before, with all that descends from them.

    (What descends from the others changes all the time: slaves fork ahead.)
    """
    return family(*(child.pid for child in children() - before))


def running(argument: str) -> set[Process]:
    """What descends from this process and was started with this argument."""
    return {
        process
        for process in family(os.getpid())
        if argument.encode() in _command_line(process.pid).split(b"\0")
    }


def _command_line(pid: int) -> bytes:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""  # it has ended


def alive(processes: Iterable[Process]) -> set[Process]:
    """Those of the processes that have not ended."""
    table = _table()
    return {each for each in processes if each.pid in table and table[each.pid][1] == each.started}


def alive_number(pid: int) -> bool:
    return pid in _table()


def gone(processes: set[Process], seconds: float = 20) -> None:
    """Wait until all of them have ended."""
    try:
        until(lambda: not alive(processes), "they have ended", seconds)
    except AssertionError:
        left = {each.pid: _command_line(each.pid)[-60:] for each in alive(processes)}
        raise AssertionError(f"after {seconds:g} seconds they still run: {left}") from None
