"""Functions that exchange values with their caller while they run."""

from __future__ import unicode_literals

import logging
import os
import sys
import threading

from . import ending

log = logging.getLogger("talking")


def each(values):
    for value in values:
        yield value


def count_endlessly(path):
    """Yield numbers; the length of a file says how many were made."""
    number = 0
    with open(path, "ab", 0) as file:
        while True:
            file.write(b"x")
            yield number
            number += 1


def fail_after(values, text):
    for value in values:
        yield value
    raise ValueError(text)


def end_of_file():
    yield 1
    raise EOFError("of the function")


def stop_after(values, status):
    for value in values:
        yield value
    os._exit(status)


def make_unsendable():
    yield 1
    yield object()


def hang(path):
    """Yield the process's number, and run a command for ever."""
    yield os.getpid()
    ending.hang(path)


def fork_and_yield():
    """Yield in a fork too, which cannot."""
    yield "before"
    fork = os.fork()
    yield "forked"
    if fork:
        _, status = os.waitpid(fork, 0)
        yield os.WIFEXITED(status)


def repeat(size, times):
    for _ in range(times):
        yield size * b"x"


# Both ways


def echo(channel, times=1):
    """Send back each value, and say so at the end."""
    for value in channel:
        channel.send(times * [value])
    channel.send("the end")


def receive_twice(channel):
    values = [channel.receive(), channel.receive()]
    channel.send(values)


def receive_behind_the_end(channel):
    values = list(channel)
    for _ in range(2):
        try:
            channel.receive()
        except EOFError as error:
            values.append("%s" % error)
    channel.send(values)


def send_then_receive(channel, size, times):
    """Send much before the first value is received; at last the size of those."""
    for _ in range(times):
        channel.send(size * b"u")
    channel.send(sum(len(value) for value in channel))


def in_threads(channel, number):
    """Send from threads, while as many others have waited for values since before."""
    received = []
    senders = start(number, lambda: [channel.send(1000 * b"x") for _ in range(1000)])
    receivers = start(number, lambda: [received.append(channel.receive()) for _ in range(10)])
    for thread in senders:
        thread.join()
    channel.send("all are sent")
    for thread in receivers:
        thread.join()
    channel.send(received)


def start(number, function):
    threads = [threading.Thread(target=function) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def say(channel):
    """Print each text and log it, before it is sent back."""
    for text in channel:
        sys.stdout.write(text + "\n")
        log.info(text)
        channel.send(text)


def receive_when(channel, wanted):
    """Receive all values, but none before a file is there."""
    ending.wait_for(wanted)
    channel.send(len(list(channel)))


def return_at_once(channel):
    return None


def read_input(channel):
    channel.send(os.read(0, 100))


def fail(channel, text):
    channel.send(channel.receive())
    raise ValueError(text)
