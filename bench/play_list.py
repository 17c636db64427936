"""The plays that can be measured. To add one: a file under plays/, and a line here."""

from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent / "plays"

# The interpreter of the target, named so that no contender has to search for one.
TARGET_PYTHON = "/usr/bin/python3"

ONE_HOST = 1
MANY_HOSTS = 20


# How many files the directory of small files has.
SMALL_FILES = 1000


@dataclass(frozen=True)
class Play:
    """A play, and what a run of it must have done to be counted.

    With a `module` it is no file, but that module run by the command `ansible`. `idles` is the
    name of a task during which the target has nothing to do, and its memory can be looked at.
    """

    name: str
    about: str
    hosts: int
    tasks: int
    module: str = ""
    idles: str = ""

    @property
    def path(self) -> Path:
        return DIRECTORY / f"{self.name}.yml"


PLAYS = [
    Play("empty", "a play without a task", ONE_HOST, 0),
    Play("ping", "50 tasks of ping", ONE_HOST, 50),
    Play("command_loop", "one command in a loop of 100", ONE_HOST, 1),
    Play("mixed", "50 tasks: copy, lineinfile, stat, command, template", ONE_HOST, 50),
    Play("facts", "gathering facts five times", ONE_HOST, 5),
    Play("copy_large", "copy of one large file", ONE_HOST, 1),
    Play("many_hosts", "20 hosts by 10 mixed tasks", MANY_HOSTS, 10),
]

# Measured for the table of rows.py alone.
MORE_PLAYS = [
    Play("shell", "50 tasks of shell", ONE_HOST, 50),
    Play("hosts_ping", "20 hosts by 10 pings", MANY_HOSTS, 10),
    Play("debug", "20 hosts by 50 tasks of debug", MANY_HOSTS, 50),
    Play("one_facts", "gathering facts once", ONE_HOST, 1),
    Play("small_files", "copy of a directory of 1,000 small files", ONE_HOST, 1),
    Play("idle", "tasks of several kinds, then a pause", ONE_HOST, 8, idles="The target is idle"),
    Play("single", "one ping by the command ansible", ONE_HOST, 1, module="ping"),
]

# Run before the rounds, never counted.
WARM_UP = Play("warm_up", "uncounted", ONE_HOST, 7)

# Run on the local machine when an environment is made.
PROBE = DIRECTORY / "probe.yml"
