"""The programs of docs/cookbook.rst, on two hosts of a real sshd and one that is not there."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import tarfile

import pytest

from tests.support import processes
from tests.support.sshd import Sshd

from . import routes

ROOT = pathlib.Path(__file__).parents[2]
PROGRAMS = ROOT / "examples" / "library"

HOSTS = """\
Host one two
    HostName 127.0.0.1
    HostKeyAlias [127.0.0.1]:{sshd.port}
    Port {sshd.port}
Host gone
    HostName 127.0.0.1
    Port 1
Host *
    IdentityFile {sshd.key}
    IdentitiesOnly yes
    UserKnownHostsFile {sshd.known_hosts}
    GlobalKnownHostsFile /dev/null
"""


@pytest.fixture
def config(sshd_server: Sshd, tmp_path: pathlib.Path) -> str:
    path = tmp_path / "ssh_config"
    path.write_text(HOSTS.format(sshd=sshd_server), encoding="ascii")
    return f"-F{path}"


def start(name: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAMS / name), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(name: str, *arguments: object) -> tuple[str, str]:
    """What a program that ends well prints."""
    process = start(name, *arguments)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    return out, err


def test_fan_out(config: str) -> None:
    out, err = run("fan_out.py", config, "one", "two", "gone")
    assert re.search(r"^one +\d+%\ntwo +\d+%\ngone .*Connection refused", out), out
    assert "[##########                    ] 1/3" in err
    assert err.endswith("[##############################] 3/3\n")


def test_tail_logs(config: str, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n", encoding="ascii")
    with start("tail_logs.py", config, "-n", 2, log, "one", "two") as process:
        assert process.stdout is not None
        begun = {process.stdout.readline() for _ in range(2)}
        with open(log, "a", encoding="ascii") as file:
            file.write("first\nsecond\nthird\n")
        lines = sorted([*begun, *process.stdout.read().splitlines(keepends=True)])
    assert lines == [
        f"{host}: {line}\n"
        for host in ("one", "two")
        for line in ("(from here on)", "first", "second")
    ]
    assert process.returncode == 0


def test_bastion(config: str, sshd_server: Sshd) -> None:
    routes.need_sudo()
    before = sshd_server.log().count("Accepted publickey")
    out, _ = run("bastion.py", config, "one", "id -un; exit 3", "one", "two")
    assert out == "one (3): root\ntwo (3): root\n"
    assert sshd_server.log().count("Accepted publickey") - before == 3


def test_single_file() -> None:
    routes.need_sudo()
    out, _ = run("single_file.py")
    assert re.search(r"^root +[1-9]", out, re.MULTILINE), out


def test_with_asyncio(config: str) -> None:
    out, _ = run("with_asyncio.py", config, "one", "gone", "two")
    assert re.search(r"^one: [\d.]+\ngone: .*refused(.*\n)+two: [\d.]+\n", out), out


def test_backup(config: str, tmp_path: pathlib.Path) -> None:
    routes.need_sudo()
    source, archive = tmp_path / "source", tmp_path / "archive.tar.gz"
    source.mkdir()
    (source / "file").write_bytes(os.urandom(6 << 20))
    run("backup.py", config, "one", source, archive)
    with tarfile.open(archive) as opened:
        packed = opened.extractfile("./file")
        assert packed is not None and packed.read() == (source / "file").read_bytes()
    process = start("backup.py", config, "one", tmp_path / "none", tmp_path / "other.tar.gz")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "was not packed as a whole" in err
    assert list(tmp_path.glob("*.gz*")) == [archive]


def test_a_reader_of_logs_that_is_killed_leaves_nothing(
    config: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "log").touch()
    with start("tail_logs.py", config, tmp_path / "log", "one") as process:
        assert process.stdout is not None and process.stdout.readline()
        family = processes.family(process.pid)
        process.kill()
    processes.gone(family)
    assert process.returncode == -9
