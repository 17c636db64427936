"""Second starts: where a wrapper spoils what a Python is given, or its input is read before it."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

import econtext
from ansible_econtext.broker.pooled_slave import PooledSlave
from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.client import route
from ansible_econtext.client.messages import NotReached
from econtext.boot import bundle, first_stage
from econtext.boot.first_stage import Manner
from econtext.target.loop import Loop
from tests.support import processes

from . import routes, waiting
from .target import plain

#: Scripts around a Python, whose path stands for PYTHON.
WRAPPERS = {
    "splits": "exec PYTHON $*",
    "the first argument": 'exec PYTHON "$1"',
    "the first two arguments": 'exec PYTHON "$1" "$2"',
    "splits for a shell": 'exec sh -c "PYTHON $*"',
    "wants a file": '[ -f "$1" ] || { echo usage >&2; exit 2; }\nexec PYTHON "$1"',
    "knows no options": 'exec PYTHON -- "$@"',
    "moves to the file": 'cd "${1%/*}" && exec PYTHON "${1##*/}"',
    "reads a line": "timeout 0.3 sh -c 'read line'; exec PYTHON \"$@\"",
    "reads all": 'timeout 0.3 cat >/dev/null\nexec PYTHON "$@"',
    "reads and splits": "timeout 0.3 cat\nexec PYTHON $*",
    "prints all": "printf 'a\\0b\\377'; yes text | head -c 300000\ntrap 'echo bye' 0\nPYTHON $*",
}


@pytest.fixture
def make(open_directory: pathlib.Path) -> Iterator[Callable[..., str]]:
    """Make a wrapper, which notes each of its starts; at the end no file of ours is left."""

    def make(text: str, python: str = sys.executable) -> str:
        path = open_directory / "wrapper"
        script = f"#!/bin/sh\necho >>{open_directory}/starts\n{text}\n"
        path.write_text(script.replace("PYTHON", python), encoding="ascii")
        path.chmod(0o755)
        return str(path)

    yield make
    none_stays("econtext.*")


def none_stays(pattern: str) -> None:
    """Wait until the files are removed that are there now: another test's may be among them."""
    there = list(pathlib.Path("/tmp").glob(pattern))
    processes.until(20, lambda: not any(map(os.path.exists, there)), "the files are removed")


@pytest.fixture
def starts(open_directory: pathlib.Path) -> Callable[[], int]:
    """Return how often the wrapper was started."""
    return lambda: len((open_directory / "starts").read_text().splitlines())


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers(
    name: str, python: str, router: econtext.Router, make: Callable[..., str]
) -> None:
    slave = router.local(make(WRAPPERS[name], python))
    assert slave.call(plain.echo, 1) == [[1], []]
    none_stays("econtext.*/start")


def test_a_slave_of_a_slave(router: econtext.Router, make: Callable[..., str]) -> None:
    outer = router.local(sys.executable)
    for name in ("splits", "reads a line", "reads and splits"):
        assert outer.local(make(WRAPPERS[name])).call(plain.echo, 2) == [[2], []]


def test_through_sudo(router: econtext.Router, make: Callable[..., str]) -> None:
    routes.need_sudo()
    for name in ("splits", "reads a line"):
        assert router.sudo(python=make(WRAPPERS[name])).call(plain.echo, 2) == [[2], []]


FAILURES = {
    # what a wrapper does: its words, and the number of starts
    "exit 3": ([], 3, 2),
    "echo none >&2; exit 3": (["none"], 3, 2),
    '[ $# -lt 3 ] || echo many >&2; echo none >&2; exit 3': (["many", "none", "none"], 3, 2),
    "exec no-such-python": (["not found"], 127, 1),
    "exec /dev/null": (["ermission denied"], 126, 1),
    "exec </dev/null; exec PYTHON \"$@\"": ([first_stage.NO_BUNDLE.decode()], 1, 2),
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", FAILURES)
def test_words_of_both_starts(
    text: str, router: econtext.Router, make: Callable[..., str], starts: Callable[[], int]
) -> None:
    words, status, count = FAILURES[text]
    with pytest.raises(econtext.LaunchError) as caught:
        router.local(make(text))
    assert (caught.value.status, starts()) == (status, count)
    said = caught.value.stderr.splitlines()
    assert len(said) == len(words)
    assert all(word in line for word, line in zip(words, said, strict=True))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["splits", "reads a line"])
def test_a_manner_is_remembered(
    name: str, make: Callable[..., str], starts: Callable[[], int]
) -> None:
    """The next slave of the same route has one start; another one's has its own."""
    loop = Loop()
    slaves = SlavePool(loop)

    def find(hops: route.Route) -> PooledSlave:
        found: list[PooledSlave | NotReached] = []
        ahead: list[str] = []
        slaves.find(hops, found.append)
        slaves.send_ahead(hops, lambda link: ahead.append(link.name))
        waiting.run_until(loop, lambda: found)
        assert isinstance(found[0], PooledSlave), found[0].text
        assert ahead
        return found[0]

    hops = [route.local_hop([make(WRAPPERS[name])])]
    for count in (2, 3, 4):
        find(hops).link.close()
        assert starts() == count
        waiting.run_until(loop, lambda: not slaves.all())
    find([route.local_hop([sys.executable])])
    slaves.close()
    waiting.run_until(loop, lambda: slaves.count == 0)
    loop.close()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("shell", [["sh"], ["bash"], ["csh", "-f"], ["fish", "--no-config"]])
def test_a_shell_that_reads_the_bundle_ends(shell: list[str]) -> None:
    """Such as `exec bash` in a startup file has: none of the bundle is taken for a command."""
    try:
        script = bundle.bundle()[: bundle.HEADER_SIZE] + b"echo run\n"
        done = subprocess.run(shell, input=script, capture_output=True, timeout=20)
    except FileNotFoundError:
        pytest.skip(f"needs {shell[0]}")
    assert done.stdout == b""


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize("pythons", [first_stage.PYTHONS, ["/a/path/python3 -E"]])
def test_each_manner_is_one_word_for_any_shell(manner: Manner, pythons: list[str]) -> None:
    """The text within the quotes of `command` is the same for any number of shells around it."""
    [changed] = first_stage.in_manner([first_stage.command(pythons)], manner)
    assert not set("!`\n") & set(changed)
    assert changed.count("'") == 2
    if len(pythons) == 1:
        assert "$" not in changed  # `sudo -i` leaves it to the login shell
    assert first_stage.NO_BUNDLE.decode() not in changed  # a traceback quotes the code
    is_same = changed == first_stage.command(pythons)
    assert is_same == (manner is Manner.AT_ONCE)


def test_another_command_is_left_alone() -> None:
    assert first_stage.in_manner(["ssh", "host", "true"], Manner.AS_FILE) == ("ssh", "host", "true")
