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


def leave_child(path):
    """Return while a child of this session lives on; returns the number of this process."""
    _fork_child(path)
    return os.getpid()


def leave_child_and_stop(path):
    """End the process itself, without a result, while a child of this session lives on."""
    _fork_child(path)
    os._exit(0)


def hang_with_child(path):
    """Be there for ever, beside a child of this session."""
    _fork_child(path)
    while True:
        signal.pause()


def _fork_child(path):
    """Fork a child that a hangup does not end, and that keeps all open but standard streams."""
    if os.fork() == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        announce(path, os.getpid(), os.getppid())
        while True:
            signal.pause()
    wait_for(path)


def wait_for_file(path, wanted):
    """Announce this process, and return its number when the file `wanted` is there."""
    announce(path, os.getpid())
    wait_for(wanted)
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
