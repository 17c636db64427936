"""Finding and ending processes: the only place that reads /proc and sends signals.

Nothing here ever touches a process that does not descend from the process that asks.
"""

import contextlib
import ctypes
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Ended:
    """A process that has been reaped: its name, and the processor seconds it used."""

    pid: int
    name: str
    cpu: float


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends.

    Without it a process that makes itself a daemon (ssh's master, for one) is handed to init, and
    nobody could tell that it is ours, end it, or count the time it used.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def children_of_all() -> dict[int, list[int]]:
    """The children of every process of the machine, by the pid of the parent."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text(errors="replace")
        except OSError:
            continue  # ended since the directory was read
        # The name stands in brackets and may hold anything, so count from the last bracket.
        parent = int(text.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(entry.name))
    return children


def below(pid: int) -> list[int]:
    """The descendants of a process."""
    return tree(children_of_all(), pid)


def tree(children: dict[int, list[int]], pid: int) -> list[int]:
    """The descendants of a process, from the children of all."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        of_one = children.get(waiting.pop(), [])
        waiting += of_one
        found += of_one
    return found


def descendants(keep: frozenset[int] = frozenset()) -> list[int]:
    """The descendants of this process; those in `keep` are left out, their children are not."""
    return [pid for pid in below(os.getpid()) if pid not in keep]


def command_line(pid: int) -> bytes:
    """The arguments of a process, each with a NUL behind it; empty when it has ended already."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def name_of(pid: int) -> str:
    """What the process is called, for the report; empty when it has ended already."""
    line = command_line(pid)
    return line.replace(b"\0", b" ").decode(errors="replace").strip()[:200]


def usage_seconds(usage) -> float:
    """Processor seconds, of the user and of the system, of a resource usage structure."""
    return usage.ru_utime + usage.ru_stime


def seconds_below() -> float:
    """Processor seconds that all descendants have used until now, those that have ended included.

    Each process that still runs is asked for its own and for those of the children it has reaped;
    our own children that have been reaped are counted by the system.
    """
    return sum(map(seconds_of, descendants())) + usage_seconds(
        resource.getrusage(resource.RUSAGE_CHILDREN)
    )


def seconds_of(pid: int) -> float:
    """Processor seconds of a process that still runs, and of the children that it has reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0.0
    # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), of which 3 is the first here
    ticks = sum(map(int, text.rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def end_descendants(
    keep: frozenset[int] = frozenset(), patience: float = 0.0, grace: float = 3.0
) -> list[Ended]:
    """Reap all descendants: let them end for `patience` seconds, then ask them, then kill them.

    Returns those which were our own children in the end, orphans that came to us among them.
    """
    ended: list[Ended] = []
    names: dict[int, str] = {}
    asked: set[int] = set()
    started = time.monotonic()
    while pids := descendants(keep):
        elapsed = time.monotonic() - started
        for pid in pids:
            # A zombie has no name any more, so the first one seen is kept.
            names.setdefault(pid, name_of(pid))
            if elapsed >= patience + grace:
                send(pid, signal.SIGKILL)
            elif elapsed >= patience and pid not in asked:
                asked.add(pid)
                send(pid, signal.SIGTERM)
        for pid in pids:
            try:
                reaped, _, usage = os.wait4(pid, os.WNOHANG)
            except ChildProcessError:
                continue  # somebody else's child, who has to reap it
            if reaped:
                ended.append(Ended(pid, names[pid], usage_seconds(usage)))
        time.sleep(0.01)
    return ended


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone, or may have come to belong to somebody else."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
