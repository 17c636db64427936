"""Fetched files: the attributes are those that `open` gives, and no file is half-written."""

import contextlib
import errno
import multiprocessing
import os
import pathlib
import resource
import stat
import struct
import tempfile
from concurrent.futures import Future

import pytest

from ansible_econtext.broker import file_transfer
from ansible_econtext.connection import fetched_file
from econtext.target import wire
from econtext.target.loop import Loop
from tests.process import waiting

NOBODY = 65534


def fetch(target: pathlib.Path, content: bytes, mode: int = 0o644) -> None:
    with fetched_file.fetched_file(str(target)) as fetched:
        pathlib.Path(fetched.part).write_bytes(content)
        fetched.install(mode)


def write(target: pathlib.Path, content: bytes, mode: int = 0o644) -> None:
    """What sftp does."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)


def attributes(path: pathlib.Path) -> tuple[object, ...]:
    status, content = path.stat(), path.read_bytes()
    extended = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    mode = oct(status.st_mode)
    return mode, status.st_uid, status.st_gid, status.st_nlink, content, sorted(extended.items())


@pytest.fixture
def two(tmp_path):
    """Directories in which the same is done in both ways."""
    made = tmp_path / "ours", tmp_path / "stock"
    for directory in made:
        directory.mkdir()
    return made


def assert_same(two, prepare=lambda directory: None, content=b"new", mode=0o644):
    for directory, how in zip(two, (fetch, write), strict=True):
        prepare(directory)
        how(directory / "file", content, mode)
    ours, stock = ({p.name: attributes(p) for p in d.iterdir()} for d in two)
    assert ours == stock


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002, 0o000, 0o777])
@pytest.mark.parametrize("mode", [0o600, 0o755, 0o666])
def test_a_new_file_is_made_under_the_umask(two, mask, mode):
    before = os.umask(mask)
    try:
        assert_same(two, mode=mode)
    finally:
        os.umask(before)


def test_a_new_file_in_a_directory_with_an_access_control_list(two):
    # The user, user 12345, the group, the mask, others; in the words of the kernel.
    entries = [(1, 7, -1), (2, 6, 12345), (4, 5, -1), (16, 7, -1), (32, 4, -1)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)

    def prepare(directory):
        try:
            os.setxattr(directory, "system.posix_acl_default", acl)
        except OSError:
            pytest.skip("needs access control lists")

    assert_same(two, prepare, mode=0o640)


@pytest.mark.parametrize("content", [b"", b"n", b"new" * 1_000_000])
@pytest.mark.parametrize("old", ["", "old", "old" * 10_000])
def test_a_file_that_is_there_keeps_its_attributes(two, content, old):
    def prepare(directory):
        (directory / "file").write_text(old)
        (directory / "file").chmod(0o2741)
        os.link(directory / "file", directory / "other name")

    assert_same(two, prepare, content)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_a_link(two, is_there):
    def prepare(directory):
        if is_there:
            (directory / "other").write_text("old")
        (directory / "file").symlink_to("other")

    assert_same(two, prepare, mode=0o600)
    assert all((directory / "file").is_symlink() for directory in two)


def test_what_is_no_file_is_written(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fetch(pipe, b"new")
        assert os.read(reader, 10) == b"new"
        assert stat.S_ISFIFO(pipe.stat().st_mode)
    finally:
        os.close(reader)


@pytest.fixture
def open_directory():
    """A directory that other accounts can enter: those of pytest are closed."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield pathlib.Path(made)


def in_a_process(action) -> int:
    """Return the number of the OSError that an action raises in a fork; 0 if it raises none."""

    def run(result):
        try:
            action()
        except OSError as error:
            result.value = error.errno or -1
        else:
            result.value = 0

    context = multiprocessing.get_context("fork")
    result = context.Value("i", -2)
    process = context.Process(target=run, args=(result,))
    process.start()
    process.join(30)
    assert process.exitcode == 0
    return result.value


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("mode, outcome", [(0o600, 0), (0o400, errno.EACCES)])
def test_a_directory_closed_to_the_account(open_directory, monkeypatch, mode, outcome):
    """Its file is written if that is open; what cannot be written stays as it was."""
    own, closed = open_directory / "own", open_directory / "closed"
    for directory in (own, closed):
        directory.mkdir()
    monkeypatch.setattr(fetched_file.run, "own_directory", lambda: own)
    file = closed / "file"
    file.write_text("old")
    file.chmod(mode)
    os.chown(file, NOBODY, NOBODY)
    os.chown(own, NOBODY, NOBODY)

    def action():
        os.setresuid(NOBODY, NOBODY, NOBODY)
        fetch(file, b"new")

    assert in_a_process(action) == outcome
    assert file.read_text() == ("old" if outcome else "new")
    assert list(closed.iterdir()) == [file] and not list(own.iterdir())


def disk_full(after: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, resource.RLIM_INFINITY))


@pytest.mark.parametrize("name", ["file", "link", "dangling"])
def test_a_full_disk_leaves_what_was_there(tmp_path, name):
    file = tmp_path / "file"
    file.write_text("old")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("new")
    before = {path.name for path in tmp_path.iterdir()}

    def action():
        with fetched_file.fetched_file(str(tmp_path / name)) as fetched:
            pathlib.Path(fetched.part).write_bytes(b"new" * 100_000)
            disk_full(after=100_000)
            fetched.install(0o644)

    assert in_a_process(action) == errno.EFBIG
    assert file.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == before


def test_the_part_file_is_private_and_goes(tmp_path):
    target = tmp_path / "file"
    with contextlib.suppress(ConnectionError), fetched_file.fetched_file(str(target)) as fetched:
        [part] = tmp_path.iterdir()
        assert fetched.part == str(part)
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
        raise ConnectionError
    assert not list(tmp_path.iterdir())


class DownloadedCall:
    """Call whose output is downloaded."""

    def __init__(self):
        self.future = Future()
        self.loop = Loop()
        self.credited = 0
        self.sink = None

    def credit(self, size):
        self.credited += size

    def settle(self, outcome):
        if not self.future.done():
            self.future.set_exception(outcome)

    def kill(self):
        pass

    def run_until(self, done):
        waiting.run_until(self.loop, done)


def test_a_download_ends_with_the_error_of_its_disk(tmp_path):
    file = tmp_path / "part"
    file.touch()

    def action():
        disk_full(after=100_000)
        call = DownloadedCall()
        file_transfer.Download(call.loop, str(file), call)
        for _ in range(3):
            call.sink(wire.STDOUT, b"x" * 80_000)
        call.run_until(call.future.done)
        assert os.strerror(errno.EFBIG) in call.future.exception().text
        raise OSError(errno.EFBIG, "")

    assert in_a_process(action) == errno.EFBIG


def test_a_download_gives_credit_for_what_is_written(tmp_path):
    """Else a slow disk would have the broker hold the file."""
    os.mkfifo(tmp_path / "pipe")
    call = DownloadedCall()
    download = file_transfer.Download(call.loop, str(tmp_path / "pipe"), call)
    call.sink(wire.STDOUT, b"x" * 80_000)
    call.loop.call_later(0.05, lambda: None)
    call.loop.run_once()
    assert call.credited == 0
    outcomes = []
    with open(tmp_path / "pipe", "rb") as reader:
        assert len(reader.read(80_000)) == 80_000
        call.run_until(lambda: call.credited == 80_000)
        download.complete(80_000, outcomes.append)
        call.run_until(lambda: outcomes)
    assert outcomes == [None] and not call.future.done()
    call.future.set_result(None)


def test_a_download_makes_no_file(tmp_path):
    """The worker may have gone, and with it the file that it made."""
    (tmp_path / "link").symlink_to("file")
    for name, words in (("part", "No such file"), ("link", "symbolic links")):
        call = DownloadedCall()
        file_transfer.Download(call.loop, str(tmp_path / name), call)
        call.run_until(call.future.done)
        assert words in call.future.exception().text
    assert [path.name for path in tmp_path.iterdir()] == ["link"]
