"""What a contender holds in memory on the target, looked at while it has nothing to do."""

import statistics
import time
from pathlib import Path

from bench import processes

# Seconds after the idle task's beginning until the target is idle indeed, and between two looks.
SETTLING = 1.5
BETWEEN = 0.3
LOOKS = 5

PRIVATE = ("Private_Clean", "Private_Dirty", "Private_Hugetlb")


def sizes(text: str) -> dict[str, int]:
    """The sums of one `smaps_rollup` in bytes, by name."""
    found = {}
    for line in text.splitlines()[1:]:
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0]) * 1024
    return found


def unique(found: dict[str, int]) -> int:
    """The unique set size: the bytes that would be free if this one process ended."""
    return sum(found.get(name, 0) for name in PRIVATE)


def look(server: int) -> tuple[int, int]:
    """The unique and the proportional set sizes of all that runs below the ssh server `server`.

    The server's own processes, one or two for each connection, are left out: they are the same
    for everybody.
    """
    total_unique = total_proportional = 0
    for pid in processes.below(server):
        if processes.name_of(pid).startswith(("sshd:", "/usr/sbin/sshd")):
            continue
        try:
            found = sizes(Path(f"/proc/{pid}/smaps_rollup").read_text())
        except (ProcessLookupError, FileNotFoundError):
            continue  # ended meanwhile
        total_unique += unique(found)
        total_proportional += found.get("Pss", 0)
    return total_unique, total_proportional


def wait_and_look(server: int, output: Path, task: str, still_runs) -> tuple[int, int]:
    """The medians of some looks, taken when the output says that the idle task has begun.

    Nothing, (0, 0), when the run is over before that.
    """
    heading = f"TASK [{task}]".encode()
    while not output.exists() or heading not in output.read_bytes():
        if not still_runs():
            return 0, 0
        time.sleep(0.05)
    time.sleep(SETTLING)
    looks = []
    for _ in range(LOOKS):
        looks.append(look(server))
        time.sleep(BETWEEN)
    return (
        int(statistics.median(unique for unique, _ in looks)),
        int(statistics.median(proportional for _, proportional in looks)),
    )
