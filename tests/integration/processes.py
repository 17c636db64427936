"""Looking at processes through /proc, and waiting with a deadline. Knows nothing of Ansible."""

from __future__ import annotations

import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Process(NamedTuple):
    pid: int
    parent: int
    uid: int
    started: int  # clock ticks since boot
    argv: str

    @property
    def identity(self) -> tuple[int, int]:
        """Names one process for good; its arguments may change."""
        return self.pid, self.started


def until(seconds: float, look: Callable[[], T], words: str) -> T:
    """The first true value that `look` returns; after the deadline an error that says `words`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s still not: {words}")
        time.sleep(0.02)


def process(pid: int) -> Process | None:
    """The process with this id, or None when there is none or only its zombie."""
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
    return Process(pid, int(fields[1]), uid, int(fields[19]), argv.strip())


def processes() -> list[Process]:
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return [found for found in map(process, pids) if found]


def alive(known: Iterable[Process]) -> list[Process]:
    """Those of the known processes that still run."""
    now = {p.identity for p in processes()}
    return [p for p in known if p.identity in now]


def with_argument(text: str) -> list[Process]:
    return [p for p in processes() if text in p.argv.split()]


def with_environment(setting: str) -> list[Process]:
    """Processes that were started with this NAME=value."""
    found = []
    for one in processes():
        try:
            environ = pathlib.Path("/proc", str(one.pid), "environ").read_bytes()
        except OSError:
            continue
        if setting.encode() in environ.split(b"\0"):
            found.append(one)
    return found


def of_user(uid: int) -> list[Process]:
    return [p for p in processes() if p.uid == uid]


def with_descendants(roots: Iterable[Process]) -> list[Process]:
    everything = processes()
    family = {p.pid: p for p in roots}
    grown = True
    while grown:
        children = [p for p in everything if p.parent in family and p.pid not in family]
        family.update((p.pid, p) for p in children)
        grown = bool(children)
    return list(family.values())


def end(victims: Iterable[Process]) -> None:
    """Kill these and wait until they are gone."""
    known = list(victims)
    for one in alive(known):
        try:
            os.kill(one.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    until(10, lambda: not alive(known), f"ended: {known}")
