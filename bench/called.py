"""Functions that `bench/library.py` calls on targets; it sends them this module."""

import os


def nothing():
    """Do nothing, and return None."""


def take(data):
    """Return the size of some bytes."""
    return len(data)


def give(size):
    """Return so many bytes that do not get smaller by compression, made in no time."""
    block = os.urandom(1 << 20)
    return block * (size // len(block))
