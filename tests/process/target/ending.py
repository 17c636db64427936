"""Functions that do not end by themselves, and their commands."""

from __future__ import unicode_literals

import os
import signal
import subprocess
import sys
import time


def announce(path, *pids):
    """Tell the test which processes there are: the file appears when it is complete."""
    with open(path + ".new", "w") as new:
        new.write(" ".join(str(pid) for pid in pids))
    os.rename(path + ".new", path)


def hang(path):
    """Run a command for ever, and be there."""
    command = subprocess.Popen(["sleep", "600"])
    announce(path, os.getpid(), command.pid)
    while True:
        signal.pause()


def hang_stubbornly(path):
    """As a function that catches what should end it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(path)


def leave_daemon(path):
    """Return while a daemon keeps standard output and all else open."""
    if os.fork() == 0:
        os.setsid()
        announce(path, os.getpid())
        while True:
            signal.pause()
    wait_for(path)
    sys.stdout.write("said before\n")
    return os.getpid()


def meet(directory, name, number):
    """Wait until `number` calls are here at the same time."""
    announce(os.path.join(directory, name), os.getpid())
    deadline = time.time() + 60
    while len([each for each in os.listdir(directory) if not each.endswith(".new")]) < number:
        if time.time() > deadline:
            raise RuntimeError("nobody else came")
        time.sleep(0.005)
    return os.getpid()


def wait_for(path):
    deadline = time.time() + 60
    while not os.path.exists(path):
        if time.time() > deadline:
            raise RuntimeError("%s never came" % path)
        time.sleep(0.005)


def scribble(size):
    """Write to every descriptor, though they are not the function's; then a large value."""
    for fd in range(3, 200):
        try:
            os.write(fd, b"this is no frame at all\n")
        except OSError:
            pass
    return b"x" * size
