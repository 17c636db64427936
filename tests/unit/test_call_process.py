"""A system without room for a process fails one call, and the slave forks again later."""

import errno
import os

import pytest

from econtext.target import call, call_process, child
from econtext.target.loop import Loop
from tests.support import processes


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


def fails(monkeypatch, name, at=0):
    """Let the function of `os` of this name fail from its call of number `at` on."""
    usual, calls = getattr(os, name), []

    def function(*arguments):
        calls.append(arguments)
        if len(calls) > at:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return usual(*arguments)

    monkeypatch.setattr(os, name, function)


@pytest.mark.parametrize("name, at", [("fork", 0), ("pipe", 0), ("pipe", 2), ("dup", 0)])
def test_what_could_not_be_forked_leaves_nothing_open(loop, monkeypatch, name, at):
    before = set(os.listdir("/dev/fd"))
    fails(monkeypatch, name, at)
    with pytest.raises(OSError, match="temporarily unavailable"):
        call_process.Spare(loop, None).take()
    assert set(os.listdir("/dev/fd")) == before


def test_a_spare_that_cannot_be_forked_ends_nothing_and_is_forked_later(loop, monkeypatch):
    class Process:
        """In place of a call process."""

        def __init__(self, loop, importer):
            os.fork()

    monkeypatch.setattr(call_process, "CallProcess", Process)
    spare = call_process.Spare(loop, None)
    fails(monkeypatch, "fork")
    spare._fork()
    monkeypatch.setattr(os, "fork", lambda: 1)
    assert isinstance(spare.take(), Process)
    spare._fork()
    kept = spare._process
    assert isinstance(kept, Process) and spare.take() is kept


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_command_without_a_descriptor_leaves_nothing(loop, monkeypatch, at):
    argument = f"1234.{os.getpid()}"
    before = set(os.listdir("/dev/fd"))
    fails(monkeypatch, "dup", at)
    with pytest.raises(OSError, match="temporarily unavailable"):
        child.Command(loop, ["sleep", argument])
    assert set(os.listdir("/dev/fd")) == before
    assert not processes.with_argument(argument)


@pytest.mark.parametrize("names", [None, ["0", "1", "2"]], ids=["missing", "fixed"])
def test_descriptors_are_closed_where_dev_fd_does_not_list_them(monkeypatch, names):
    """As on FreeBSD, which has the first three in it unless a file system of its own is mounted."""

    def listdir(path):
        if names is None:
            raise FileNotFoundError(path)
        return names

    monkeypatch.setattr(os, "listdir", listdir)
    kept, other = os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_RDONLY)
    child = os.fork()
    if child == 0:
        status = 2
        try:
            call.close_all_but(kept)
            os.fstat(kept)
            os.fstat(other)
        except OSError:
            status = 0 if os.fstat(kept) else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    os.close(kept)
    os.close(other)
