"""Emulated ssh: real programs that want ssh reach any slave."""

from __future__ import annotations

import filecmp
import os
import pathlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

import econtext
from econtext.controller.emulated_ssh import EmulatedSSH
from econtext.target import codec, wire
from tests.support import processes
from tests.support.sshd import Sshd

from . import routes, waiting

MUCH = 6 << 20  # more than any window, in both directions


@pytest.fixture
def ssh(context: econtext.Context) -> Iterator[EmulatedSSH]:
    """The emulated ssh of a slave by each route."""
    with context.emulated_ssh() as made:
        yield made


@pytest.fixture
def local(router: econtext.Router) -> Iterator[EmulatedSSH]:
    with router.local().emulated_ssh() as made:
        yield made


def run(ssh: EmulatedSSH, *words: str | bytes, **options: Any) -> subprocess.CompletedProcess[Any]:
    usual: dict[str, Any] = {"capture_output": True, "timeout": 60, "env": ssh.environment()}
    return subprocess.run(words, **usual | options)


# The command


def test_a_command_has_input_output_and_status(ssh: EmulatedSSH) -> None:
    """All that comes back comes from there, whatever host is named."""
    script = "cat; echo error >&2; exit 3"
    done = run(ssh, "ssh", "-q", "any@where", script, input=b"input\0")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"input\0", b"error\n")


def test_much_in_both_directions(ssh: EmulatedSSH) -> None:
    data = os.urandom(1 << 16) * (MUCH >> 16)
    assert run(ssh, "ssh", "h", "cat; cat >&2", input=data).stdout == data


def test_a_command_that_reads_nothing(local: EmulatedSSH) -> None:
    done = run(local, "ssh", "h", "exec 0<&-; echo done", input=MUCH * b"x")
    assert (done.returncode, done.stdout) == (0, b"done\n")


def test_words_that_are_not_text(local: EmulatedSSH) -> None:
    assert run(local, b"ssh", b"h", b"echo \xff\xe4").stdout == b"\xff\xe4\n"


def test_the_status_of_ssh(local: EmulatedSSH) -> None:
    assert run(local, "ssh", "h", "kill -9 $$").returncode == 255
    assert run(local, "ssh", "h", "no-such-command-of-tests").returncode == 127


def test_arguments_that_ask_for_no_command_are_the_real_ones(local: EmulatedSSH) -> None:
    if shutil.which("ssh") is None:
        pytest.skip("needs ssh")
    version = run(local, "ssh", "-V")
    assert version.returncode == 0 and version.stderr.startswith(b"OpenSSH")
    none = run(local, local.program, "-V", env={**os.environ, "PATH": "/none"})
    assert (none.returncode, none.stderr) == (255, b"ssh: not found\n")


# The end


def hanging(ssh: EmulatedSSH, path: pathlib.Path) -> tuple[Any, set[processes.Process]]:
    """Start a command that does not end; return the client, and the command's processes."""
    script = f"echo $$ > {path}.new; mv {path}.new {path}; sleep 9999; :"
    client = subprocess.Popen(["ssh", "h", script], env=ssh.environment(), stdin=subprocess.PIPE)
    return client, processes.family(*waiting.announced(path))


def test_a_client_that_is_killed_ends_its_command(
    local: EmulatedSSH, tmp_path: pathlib.Path
) -> None:
    client, family = hanging(local, tmp_path / "pids")
    with client:
        client.send_signal(signal.SIGKILL)
    processes.gone(family)
    assert run(local, "ssh", "h", "true").returncode == 0


def test_commands_end_with_the_emulated_ssh(local: EmulatedSSH, tmp_path: pathlib.Path) -> None:
    """And no file of it is left, whether it or its router is closed."""
    client, family = hanging(local, tmp_path / "pids")
    local.close()
    with client:
        assert client.wait(30) == 255
    processes.gone(family)
    assert not os.path.exists(os.path.dirname(local.program))
    local.close()


def test_nothing_is_left_of_it_when_its_router_ends(tmp_path: pathlib.Path) -> None:
    with econtext.Router() as router:
        ssh = router.local().emulated_ssh()
        client, family = hanging(ssh, tmp_path / "pids")
    with client:
        assert client.wait(30) == 255
    processes.gone(family)
    assert not os.path.exists(os.path.dirname(ssh.program))
    ssh.close()


def test_a_slave_that_has_ended(router: econtext.Router, tmp_path: pathlib.Path) -> None:
    context = router.local()
    with context.emulated_ssh() as ssh:
        client, _ = hanging(ssh, tmp_path / "pids")
        os.kill(context.greeting["pid"], signal.SIGKILL)
        with client:
            assert client.wait(30) == 255
        done = run(ssh, "ssh", "h", "true")
        assert (
            done.returncode == 255 and b"the slave's process was killed by SIGKILL" in done.stderr
        )


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 64,
        wire.frame(wire.OPEN, 0, b"junk"),
        wire.frame(wire.OPEN, 0, codec.encode(("h", "u"))),
        wire.frame(wire.OPEN, 0, codec.encode("hostcmd")),
        wire.frame(wire.OPEN, 0, codec.encode((None,) * 7)),
        wire.data_frame(0, wire.STDIN, b"x"),
        wire.frame(wire.END, 0, b"\0"),
    ],
    ids=range(7),
)
def test_junk_ends_its_connection_alone(local: EmulatedSSH, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.path.join(os.path.dirname(local.program), "socket"))
        client.settimeout(30)
        client.sendall(data)
        while client.recv(65536):
            pass
    assert run(local, "ssh", "h", "true").returncode == 0


# Programs


@pytest.fixture
def sudo_behind(
    router: econtext.Router, sshd_server: Sshd
) -> Iterator[tuple[EmulatedSSH, econtext.Context]]:
    """The emulated ssh of a sudo account behind a hop, and the context of the account."""
    routes.need_sudo()
    context = router.ssh(**sshd_server.options()).sudo()
    with context.emulated_ssh() as made:
        yield made, context


def need(*programs: str) -> None:
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def test_rsync_has_its_delta(
    sudo_behind: tuple[EmulatedSSH, econtext.Context],
    tmp_path: pathlib.Path,
    sshd_server: Sshd,
) -> None:
    """It sends what differs alone, over the one login that there is."""
    need("rsync")
    ssh, _ = sudo_behind
    logins = sshd_server.log().count("Accepted publickey")
    (tmp_path / "from").mkdir()
    file = tmp_path / "from" / "file"
    file.write_bytes(os.urandom(MUCH))
    words = ["rsync", "-a", "--stats", "--no-whole-file", f"{tmp_path}/from/", f"h:{tmp_path}/to"]
    assert run(ssh, *words).returncode == 0
    with open(file, "r+b") as opened:
        opened.seek(MUCH // 2)
        opened.write(b"changed")
    os.utime(file, (1, 1))
    said = run(ssh, *words, text=True).stdout
    [literal] = [line for line in said.splitlines() if line.startswith("Literal data")]
    assert int(literal.split()[2].replace(",", "")) < MUCH / 10
    assert filecmp.cmp(file, tmp_path / "to" / "file", shallow=False)
    assert run(ssh, "rsync", "-a", f"h:{tmp_path}/to/", f"{tmp_path}/back").returncode == 0
    assert filecmp.cmp(file, tmp_path / "back" / "file", shallow=False)
    assert sshd_server.log().count("Accepted publickey") == logins


def test_git_clones_and_pushes(
    sudo_behind: tuple[EmulatedSSH, econtext.Context], tmp_path: pathlib.Path
) -> None:
    need("git")
    ssh, _ = sudo_behind
    author = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    bare, clone = tmp_path / "bare", tmp_path / "clone"

    def git(*words: str, at: pathlib.Path = tmp_path) -> str:
        done = run(ssh, "git", *author, "-C", str(at), *words, text=True)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    git("init", "-q", "--bare", str(bare))
    git("clone", "-q", f"user@anywhere:{bare}", str(clone))
    (clone / "file").write_text("text", encoding="ascii")
    git("add", "file", at=clone)
    git("commit", "-qm", "first", at=clone)
    git("push", "-q", "origin", "HEAD:main", at=clone)
    assert git("log", "--format=%s", "main", at=bare) == "first\n"
    assert git("fetch", "-q", f"ssh://anywhere:7{bare}", "main", at=clone) == ""


@pytest.mark.parametrize("protocol", ["-s", "-O"])
def test_scp(
    protocol: str, sudo_behind: tuple[EmulatedSSH, econtext.Context], tmp_path: pathlib.Path
) -> None:
    """It does not look for ssh on PATH: `-S` names one."""
    need("scp")
    ssh, _ = sudo_behind
    (tmp_path / "file").write_bytes(os.urandom(MUCH))
    words = ["scp", protocol, "-q", "-S", ssh.program]
    assert run(ssh, *words, str(tmp_path / "file"), f"h:{tmp_path}/there").returncode == 0
    assert run(ssh, *words, f"h:{tmp_path}/there", str(tmp_path / "back")).returncode == 0
    assert filecmp.cmp(tmp_path / "file", tmp_path / "back", shallow=False)
