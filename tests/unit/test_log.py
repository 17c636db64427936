"""The broker's log: bounded, printable, and quoted by its end."""

import pathlib
import subprocess
import sys
import tracemalloc

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.broker import log  # noqa: E402
from ansible_econtext.client import launcher  # noqa: E402

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def written(tmp_path):
    """A log, and the path of its file."""
    path = tmp_path / launcher.LOG
    with open(path, "wb") as file:
        yield log.Log(file.fileno()), path


def test_a_fault_that_comes_again_and_again_fills_no_disk(written):
    made, path = written
    for number in range(20_000):
        print(f"fault number {number}", "x" * 60, file=made)
        if not number % 1000:
            assert path.stat().st_size <= log.MAX_SIZE
    assert path.stat().st_size <= log.MAX_SIZE
    assert launcher.log_of(str(path.parent)).splitlines()[-1].startswith("fault number 19999 x")


def test_a_long_text_is_written_by_its_end(written):
    made, path = written
    made.write("x" * 3 * log.MAX_SIZE + "the end")
    assert path.stat().st_size == log.MAX_SIZE
    assert path.read_bytes().endswith(b"xthe end")


def test_what_a_terminal_would_obey_is_not_written(written):
    made, path = written
    made.write("a host says \x1b]0;title\a\x9b2J\r\x7f \udcff and ж\n\tnext\n")
    assert path.read_text() == "a host says ?]0;title??2J?? ? and ж\n\tnext\n"


def test_a_full_disk_is_no_error(monkeypatch, written):
    made, _ = written

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log.os, "write", full)
    assert made.write("text") == 4


def test_all_that_a_broker_says_of_itself_goes_there(tmp_path):
    """A fault in the loop, one that `logging` is told of, and one that nothing catches."""
    code = (
        f"import sys, threading; sys.path[:0] = [{str(ROOT)!r}]\n"
        "from ansible_econtext.broker import log, server\n"
        "from econtext.controller.link import logger\n"
        "sys.stderr = log.Log(2)\n"
        "server.Broker.report(None, 'one', ValueError('\\x1b[31m'))\n"
        "logger.error('two \\x1b[32m')\n"
        "logger.info('not this')\n"
        "raise ValueError('three \\x1b[33m')\n"
    )
    path = tmp_path / launcher.LOG
    with open(path, "wb") as file:
        subprocess.run([sys.executable, "-IS", "-c", code], stderr=file, timeout=60)
    said = path.read_text()
    assert all(text in said for text in ("ValueError: ?[31m", "two ?[32m", "three ?[33m"))
    assert "not this" not in said and "\x1b" not in said


def test_the_end_of_a_long_file_is_read_alone(tmp_path):
    """One that was written by another program, say; this one has a hole of 64 MiB."""
    with open(tmp_path / launcher.LOG, "wb") as file:
        file.seek(64 << 20)
        file.write(b"\nthe last words\n")
    tracemalloc.start()
    said = launcher.log_of(str(tmp_path))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert said.endswith("the last words") and len(said) <= 2000 and most < 1 << 20
