"""Functions that return, raise, print and log."""

from __future__ import unicode_literals

import atexit
import logging
import os
import sys
import threading

log = logging.getLogger("plain")
counter = [0]


class Custom(Exception):
    """An error of a module of ours."""


class Methods(object):
    @classmethod
    def of_class(cls, value):
        return ["%s" % cls.__name__, value]

    @staticmethod
    def of_nobody(value):
        return value


def echo(*values, **named):
    return [list(values), list(named.values())]


def of_type(name):
    """Values that a target makes itself, rather than those that it was sent."""
    return {
        "memoryview": memoryview(b"bytes"),
        "bytearray": bytearray(b"bytes"),
        "generator": (number for number in range(3)),
        "key": {frozenset([1]): 2},
        "object": object(),
        "deep": deep(200),
    }[name]


def deep(levels):
    value = None
    for _ in range(levels):
        value = [value]
    return value


def size_of(value):
    return len(value)


def repeat(value, times):
    return value * times


def fail(text):
    raise ValueError(text)  # the line that a traceback shows


def fail_at_length(text, times):
    raise ValueError(text * times)


def fail_own():
    raise Custom("of our own")


def leave(status):
    sys.exit(status)


def stop(status):
    os._exit(status)


def return_twice():
    """Fork, as a daemon does, and return in both processes; the fork is the first to do so."""
    fork = os.fork()
    if fork == 0:
        return "the fork"
    os.waitpid(fork, 0)
    return "the call"


def log_as_a_daemon(directory):
    """Log in a fork that has files of its own in place of what it inherited; returns them."""
    paths = [os.path.join(directory, "%d" % number) for number in range(20)]
    fork = os.fork()
    if fork == 0:
        os.closerange(3, 256)
        for path in paths:
            os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        log.warning("hello from a daemon")
        os._exit(0)
    os.waitpid(fork, 0)
    return ["%d" % os.path.getsize(path) for path in paths]


def interrupt():
    raise KeyboardInterrupt()


def say(out, err):
    sys.stdout.write(out)
    sys.stderr.write(err)


def say_below(out, err):
    """As a command does: past Python's own buffers."""
    os.write(1, out)
    os.write(2, err)


def say_at_exit():
    atexit.register(lambda: sys.stdout.write("at exit\n"))
    threading.Thread(target=lambda: sys.stdout.write("in a thread\n")).start()


def write_lines(number, length):
    """So many lines of standard output, the last one marked."""
    line = b"x" * (length - 1) + b"\n"
    for _ in range(number):
        os.write(1, line)
    os.write(1, b"the end\n")
    return number * length


def write_bytes(number):
    """So many bytes of standard output, one by one."""
    for _ in range(number):
        os.write(1, b"x")
    return number


def log_something():
    log.debug("at debug")
    log.info("at info, %d %%", 100)
    log.warning("at warning: \u00e9")


def log_at_length():
    logging.getLogger(1000000 * "\u00e9").warning(1000000 * "\U0001f600")


def log_much(number):
    for count in range(number):
        log.info("record %d", count)


def read_input():
    return os.read(0, 100)


def state():
    """What one call might leave behind for the next one."""
    counter[0] += 1
    mask = os.umask(0)
    os.umask(mask)
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "counter": counter[0],
        "directory": os.getcwd(),
        "mask": mask,
        "variable": os.environ.get("ECONTEXT_TEST"),
        "path": list(sys.path),
        "modules": "string" in sys.modules and hasattr(sys.modules["string"], "spoilt"),
    }


def spoil(directory):
    """Leave as much behind as a function can."""
    import string

    before = state()
    os.chdir(directory)
    os.umask(0o27)
    os.environ["ECONTEXT_TEST"] = "spoilt"
    sys.path.insert(0, directory)
    string.spoilt = True
    counter[0] += 100
    return before


def close_all():
    """Descriptors that are not the function's own, too."""
    os.closerange(3, 200)
    return "done"


def version():
    return list(sys.version_info[:2])


def random_number():
    import random

    return random.random()


def return_while_logging(size):
    """A large value, while a thread goes on logging large records."""

    def work():
        while True:
            log.info("y" * 30000)

    thread = threading.Thread(target=work)
    thread.daemon = True
    thread.start()
    return b"x" * size
