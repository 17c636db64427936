"""What starts a slave: how many bytes it takes, and that it reads no byte too many."""

import pathlib
import subprocess

import pytest

from econtext.boot import bundle, first_stage
from econtext.target import codec, wire

from . import pythons


def test_sizes(capsys):
    """What each new slave costs before its first answer; a slow link feels every byte."""
    whole, command = bundle.bundle(), first_stage.command()
    with capsys.disabled():
        print(f" bundle: {len(whole)} bytes, command line: {len(command)} bytes ", end="")
    # A new connection sends ten segments of TCP before an acknowledgement; ssh's login, which
    # comes first, has had some of its own acknowledged, and each widens that window: eleven
    # hold 16,060 bytes.
    assert len(whole) < 15_650
    assert len(command) < 700


def test_the_command_line_is_one_word_for_any_shell():
    """No character that csh or fish would take for its own, and no line end."""
    for pythons_given in (first_stage.PYTHONS, ["/a/path/python3 -E"]):
        assert not set("!`\n") & set(first_stage.command(pythons_given))


def start(command: str, directory: pathlib.Path | None = None) -> subprocess.Popen:
    return subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("version", sorted(pythons.found()), ids=lambda v: f"{v[0]}.{v[1]}")
def test_what_comes_behind_the_bundle_arrives(version):
    """Frames are sent at once, without waiting for a slave to run."""
    frames = wire.frame(wire.PING, 1, b"first") + wire.frame(wire.PING, 2, b"second")
    slave = start(first_stage.command([pythons.found()[version]]))
    output, errors = slave.communicate(bundle.bundle() + frames, timeout=60)
    assert (slave.returncode, errors) == (0, b"")
    before, magic, after = output.partition(wire.MAGIC)
    assert (before, magic) == (b"", wire.MAGIC)
    [hello, *pongs] = wire.Reader(wire.UPWARD).feed(after)
    assert codec.decode(hello[2])["python"][:2] == list(version)
    assert pongs == [(wire.PONG, 1, b"first"), (wire.PONG, 2, b"second")]


#: Modules of the standard library that a slave imports, or its first call.
IMPORTED = (
    "zlib codecs struct errno select signal socket fcntl logging random traceback json".split()
)


@pytest.mark.parametrize("version", sorted(pythons.found()), ids=lambda v: f"{v[0]}.{v[1]}")
def test_nothing_is_imported_from_the_current_directory(version, tmp_path):
    for name in IMPORTED:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('from the current directory')\n")
    slave = start(first_stage.command([pythons.found()[version]]), tmp_path)
    frames = wire.frame(wire.PING, 1, b"first")
    output, errors = slave.communicate(bundle.bundle() + frames, timeout=60)
    assert (slave.returncode, errors) == (0, b"")
    assert wire.MAGIC in output


@pytest.mark.parametrize("size", [0, 1, 5, 100])
def test_a_bundle_that_does_not_arrive_whole(python, size):
    """The slave ends, with an error; it does not wait for the rest for ever."""
    slave = start(first_stage.command([python]))
    output, errors = slave.communicate(bundle.bundle()[:size], timeout=60)
    assert slave.returncode != 0
    assert output == b"" and errors != b""


def test_no_python_at_all():
    slave = start(first_stage.command(["no-such-python", "nor-this-one"]))
    output, errors = slave.communicate(bundle.bundle(), timeout=60)
    assert (slave.returncode, output) == (first_stage.NOT_FOUND, b"")
    assert b"found no Python" in errors


def test_the_first_that_runs_is_taken(python):
    slave = start(first_stage.command(["no-such-python", "false", python, "false"]))
    output, _ = slave.communicate(bundle.bundle(), timeout=60)
    assert slave.returncode == 0 and wire.MAGIC in output
