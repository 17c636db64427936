"""What a call can see of its slave, as the same account, through Linux's /proc."""

import os
import time


def children(pid):
    """Children that run, and those that have ended and were not waited for."""
    running, zombies = [], []
    for name in os.listdir("/proc"):
        try:
            with open("/proc/%s/stat" % name) as stat:
                fields = stat.read().rpartition(")")[2].split()
        except (IOError, OSError):
            continue
        if name.isdigit() and int(fields[1]) == pid:
            (zombies if fields[0] == "Z" else running).append(int(name))
    return [running, zombies]


def descriptors(pid):
    """How many descriptors are open."""
    return len(os.listdir("/proc/%d/fd" % pid))


def settled(pid):
    """Descriptors of a slave, when this call and a process for the next one are all it keeps."""
    deadline = time.time() + 20
    while children(pid)[1] or len(children(pid)[0]) != 2:
        if time.time() > deadline:
            raise RuntimeError("children that run, and that have ended: %r" % children(pid))
        time.sleep(0.005)
    # The slave closes what was an ended child's a moment after it has waited for it.
    counts = []
    for _ in range(5):
        time.sleep(0.005)
        counts.append(descriptors(pid))
    return min(counts)


def memory(pid):
    """Bytes of memory in use at the most, ever."""
    with open("/proc/%d/status" % pid) as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
