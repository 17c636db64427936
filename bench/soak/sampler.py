"""Looks at the processes of a soak, each second, and what is left of runs that have ended.

The soak has adopted all orphans of its descendants (`processes.adopt_orphans`), so nothing that it
began is out of sight.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import processes

#: A look takes at most this share of the time: with many processes there are fewer looks.
SHARE = 0.1
GROUPS = ("ansible-playbook", "broker", "ssh", "target")


@dataclass
class Sampler:
    """A thread that looks at all processes, and writes what it sees as lines of JSON.

    `server` is the ssh server, below which the target is; `done` the number of tasks until now.
    """

    server: int
    done: Callable[[], int]
    path: Path
    #: The runs of ansible-playbook that are under way: added and removed by the main thread.
    runs: set[int] = field(default_factory=set)
    #: Each broker that was seen.
    brokers: set[int] = field(default_factory=set)
    #: Our own children that are no run, no broker and no server, by when they were first seen.
    strays: dict[int, float] = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Sampler":
        self._file = open(self.path, "w")
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._look_on)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.set()
        self._thread.join()
        self._file.close()

    def _look_on(self) -> None:
        wait = 0.0
        while not self._ending.wait(wait):
            began = time.monotonic()
            done = self.done()
            line = {"seconds": round(began - self._started, 1), "done": done, **self.look()}
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            taken = time.monotonic() - began
            wait = max(1.0 - taken, taken / SHARE)

    def look(self) -> dict[str, dict[str, int]]:
        """Return the sums of each group."""
        return {name: sums(group) for name, group in self.groups().items()}

    def groups(self) -> dict[str, list[int]]:
        """Return the processes of each group, and note brokers and strays."""
        children = processes.children_of_all()
        own = processes.tree(children, os.getpid())
        server = b"ansible_econtext.broker.server"
        brokers = {pid for pid in own if server in processes.command_line(pid)}
        # A child of the broker has its command until it has another one.
        brokers -= {child for broker in brokers for child in children.get(broker, [])}
        self.brokers |= brokers
        of_brokers = {pid for broker in brokers for pid in processes.tree(children, broker)}
        runs = {pid for run in list(self.runs) for pid in [run, *processes.tree(children, run)]}
        target = [pid for pid in processes.tree(children, self.server) if not is_server(pid)]
        self._note_strays(set(children.get(os.getpid(), [])) - brokers)
        return {
            "ansible-playbook": sorted(runs - brokers - of_brokers),
            "broker": sorted(brokers),
            "ssh": sorted(of_brokers),
            "target": target,
        }

    def _note_strays(self, found: set[int]) -> None:
        now = time.monotonic()
        for pid in found - self.runs - {self.server}:
            with contextlib.suppress(ChildProcessError):
                # Orphans that have ended are ours to reap.  A run's process is none: `strays` has
                # one for a moment if it is not yet noted as a run, and it is not reaped here.
                if pid in self.strays and os.waitpid(pid, os.WNOHANG)[0]:
                    found.discard(pid)
                    continue
            self.strays.setdefault(pid, now)
        for pid in set(self.strays) - found | (set(self.strays) & self.runs):
            del self.strays[pid]


def is_server(pid: int) -> bool:
    """Tell whether a process is one of sshd's own."""
    return processes.name_of(pid).startswith(("sshd:", "/usr/sbin/sshd"))


def sums(pids: list[int]) -> dict[str, int]:
    """Return memory, open files, processes and threads of some processes together.

    Memory is what is of no file (Pss_Anon and Pss_Shmem): pages that processes share are counted
    once, and how many other processes of the machine use the same libraries makes no difference.
    """
    found = dict.fromkeys(("memory", "files", "processes", "threads"), 0)
    for pid in pids:
        try:
            status = (
                Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            )
            if status[0] == "Z":  # it has ended, and its parent has not asked for its status
                found["processes"] += 1
                continue
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            files = len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            continue  # ended meanwhile
        found["memory"] += memory_of(rollup)
        found["files"] += files
        found["processes"] += 1
        found["threads"] += int(status[17])
    return found


def memory_of(rollup: str) -> int:
    """Return the bytes of a `smaps_rollup` that are of no file."""
    lines = (line.split() for line in rollup.splitlines()[1:])
    return sum(int(line[1]) * 1024 for line in lines if line[0] in ("Pss_Anon:", "Pss_Shmem:"))
