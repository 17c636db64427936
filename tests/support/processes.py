"""Looking at processes through /proc, and waiting with a deadline."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Process:
    """One process for good: numbers are used again, with another start.

    The rest is as it was when it was looked at.
    """

    pid: int
    started: int  # clock ticks since boot
    parent: int = dataclasses.field(compare=False)
    uid: int = dataclasses.field(compare=False)
    argv: str = dataclasses.field(compare=False)
    is_stopped: bool = dataclasses.field(compare=False, default=False)


def until(seconds: float, look: Callable[[], T], words: str) -> T:
    """The first true value that `look` returns; after the deadline an error that says `words`."""
    deadline = time.monotonic() + seconds
    pause = 0.01  # a look at all processes takes as long: what is waited for needs the time too
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s still not: {words}")
        time.sleep(pause)
        pause = min(pause * 1.3, 0.05)


def process(pid: int) -> Process | None:
    """The process with this number, or None when there is none or only its zombie."""
    directory = pathlib.Path("/proc", str(pid))
    try:
        # The name, in parentheses, may hold anything: what matters comes after the last one.
        fields = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()
        argv = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        uid = directory.stat().st_uid
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    is_stopped = fields[0] in "Tt"
    return Process(pid, int(fields[19]), int(fields[1]), uid, argv.strip(), is_stopped)


def processes() -> set[Process]:
    """All that have not ended."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return {found for found in map(process, pids) if found}


def alive(known: Iterable[Process]) -> set[Process]:
    """Those of the known processes that have not ended."""
    return {one for one in known if process(one.pid) == one}


def with_argument(text: str) -> set[Process]:
    return {one for one in processes() if text in one.argv.split()}


def with_environment(setting: str) -> set[Process]:
    """Processes that were started with this NAME=value."""
    found = set()
    for one in processes():
        try:
            environ = pathlib.Path("/proc", str(one.pid), "environ").read_bytes()
        except OSError:
            continue
        if setting.encode() in environ.split(b"\0"):
            found.add(one)
    return found


def of_user(uid: int) -> set[Process]:
    return {one for one in processes() if one.uid == uid}


def family(*pids: int) -> set[Process]:
    """These processes and all that descend from them."""
    everything = processes()
    found = {one.pid: one for one in everything if one.pid in pids}
    grown = True
    while grown:
        more = {one.pid: one for one in everything if one.parent in found and one.pid not in found}
        found.update(more)
        grown = bool(more)
    return set(found.values())


def children() -> set[Process]:
    """What this process itself started."""
    return {one for one in processes() if one.parent == os.getpid()}


def since(before: set[Process]) -> set[Process]:
    """The children that were not there before, with all that descends from them.

    (What descends from the others changes all the time: slaves fork ahead.)
    """
    return family(*(child.pid for child in children() - before))


def gone(known: set[Process], seconds: float = 20) -> None:
    """Wait until all of them have ended."""
    try:
        until(seconds, lambda: not alive(known), "they have ended")
    except AssertionError:
        raise AssertionError(f"after {seconds:g} s they still run: {alive(known)}") from None


def end(victims: Iterable[Process]) -> None:
    """Kill these and wait until they are gone."""
    known = set(victims)
    for one in alive(known):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
    gone(known)
