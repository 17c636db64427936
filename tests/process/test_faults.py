"""What goes wrong on the way to a slave: the error says whose fault it was, in its own words."""

import os
import pathlib
import stat
import sys

import pytest

import econtext
from econtext import LaunchError, PasswordError
from tests.support import processes, sshd

from . import routes, waiting
from .target import plain


@pytest.fixture
def wrapper(open_directory):
    """Make a script that stands for a Python: prints something first, then is one."""

    def make(before: str) -> str:
        path = open_directory / "python"
        path.write_text(f'#!/bin/sh\n{before}\nexec {sys.executable} "$@"\n', encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return str(path)

    return make


def assert_fails(start, *words: str, status: int | None = None) -> LaunchError:
    with pytest.raises(LaunchError) as caught:
        start()
    for word in words:
        assert word in str(caught.value)
    if status is not None:
        assert caught.value.status == status
    return caught.value


# Interpreters


def test_no_such_python(router):
    error = assert_fails(
        lambda: router.local("no-such-python"), "no-such-python", "not found", status=127
    )
    assert error.name == "local" and not isinstance(error, PasswordError)
    outer = router.local(sys.executable)
    error = assert_fails(lambda: outer.local("no-such-python"), "no-such-python", status=127)
    assert error.name == "local.local"
    assert outer.call(plain.echo) == [[], []]


@pytest.mark.parametrize("command, status", [("false", 1), ("sh -c 'exit 3'", 3)])
def test_a_python_that_is_none(router, command, status):
    assert_fails(lambda: router.local(command), f"status {status}", status=status)


def test_a_python_that_is_killed(router, wrapper):
    assert_fails(lambda: router.local(wrapper("kill -9 $$")), "SIGKILL", status=-9)


def test_a_python_is_found(router):
    """Nobody names one: those that are usual are tried."""
    context = router.local()
    assert context.call(plain.version) >= [2, 7]
    assert context.greeting["python"][0] in (2, 3)


# Programs


def test_a_program_that_is_missing(router, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert_fails(lambda: router.ssh("127.0.0.1"), "cannot run ssh", "No such file")
    assert_fails(router.sudo, "cannot run sudo", "No such file")


def test_a_program_that_is_missing_on_the_way(router, python):
    outer = router.local(f"/usr/bin/env PATH=/nonexistent {python}")
    error = assert_fails(outer.sudo, "local cannot run sudo", "No such file")
    assert error.name == "local.sudo.root"
    assert outer.call(plain.echo) == [[], []]


# ssh


def test_nobody_listens(router, sshd_server):
    options = {**sshd_server.options(), "port": sshd.free_port()}
    assert_fails(lambda: router.ssh(**options), "Connection refused", status=255)


def test_an_unknown_host_key(router, sshd_server):
    options = sshd_server.options(known_hosts="no_hosts")
    error = assert_fails(lambda: router.ssh(**options), "Host key verification failed", status=255)
    assert not isinstance(error, PasswordError)
    # With a password there is a terminal, on which ssh would ask whether the key is right.
    options["password"] = "unused"
    assert_fails(lambda: router.ssh(**options), "The authenticity of host")
    assert not (sshd_server.directory / "no_hosts").exists()


def test_a_wrong_key(router, sshd_server):
    """No password was asked for: none was refused."""
    error = assert_fails(
        lambda: router.ssh(**sshd_server.options(key="wrong_key")), "Permission denied"
    )
    assert not isinstance(error, PasswordError)


def test_an_ssh_password(router, sshd_server, account):
    options = {**sshd_server.options(key=None), "username": account.name}
    context = router.ssh(**options, password=account.password)
    assert context.greeting["user"] == account.name
    error = assert_fails(
        lambda: router.ssh(**options, password="wrong"), "the password was refused"
    )
    assert isinstance(error, PasswordError) and not error.missing
    assert_fails(lambda: router.ssh(**options), "Permission denied", status=255)
    assert account.password not in sshd_server.log()


def test_ssh_through_a_slave(router, sshd_server, account, python):
    """A terminal is needed there too, whatever Python the slave has."""
    outer = router.local(python)
    options = {**sshd_server.options(key=None), "username": account.name}
    context = outer.ssh(**options, password=account.password)
    assert context.call(os.getuid) == context.greeting["uid"] != 0
    error = assert_fails(lambda: outer.ssh(**options, password="wrong"), "the password was refused")
    assert isinstance(error, PasswordError)
    assert outer.call(plain.echo) == [[], []]


# sudo


def test_sudo_passwords(router, account):
    routes.need_sudo()
    user = router.sudo(account.name)
    assert user.greeting["user"] == account.name
    root = user.sudo(password=account.password)
    assert root.call(os.getuid) == 0
    assert root.name == f"sudo.{account.name}.sudo.root"
    error = assert_fails(lambda: user.sudo(password="wrong"), "the password was refused")
    assert isinstance(error, PasswordError) and not error.missing
    error = assert_fails(user.sudo, "a password is required")
    assert isinstance(error, PasswordError) and error.missing
    assert user.call(plain.echo) == [[], []]


def test_a_sudo_that_asks_again_is_ended(router, account):
    """It runs as root, so that a signal of the account's may not reach it."""
    routes.need_sudo()
    user = router.sudo(account.name)
    before = waiting.running("sudo")
    assert_fails(lambda: user.sudo(password="wrong"), "the password was refused")
    processes.gone(waiting.running("sudo") - before, 5)


def test_sudo_to_nobody(router):
    routes.need_sudo()
    error = assert_fails(lambda: router.sudo("no-such-account"), "no-such-account", status=1)
    assert not isinstance(error, PasswordError)


def test_passwords_are_seen_by_nobody(router, account):
    """Not in a command line, which every account may read; not in what a slave is sent."""
    routes.need_sudo()
    user = router.sudo(account.name)
    user.sudo(password=account.password)
    secret = account.password.encode()
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            assert secret not in (path / "cmdline").read_bytes()
        except OSError:
            pass  # it has ended


# Logins that talk


@pytest.mark.parametrize(
    "chatter",
    [
        "echo Welcome",
        "echo Permission denied. >&2",
        "printf 'Your password: ' >&2",
        "seq 5000; seq 5000 >&2",
        "printf 'no line end'",
        "printf '\\nECONTEXT 0\\n'",
    ],
)
def test_chatter_before_a_slave_runs(router, wrapper, sshd_server, chatter):
    python = wrapper(chatter)
    assert router.local(python).call(plain.echo, 1) == [[1], []]
    assert router.ssh(**sshd_server.options(), python=python).call(plain.echo, 1) == [[1], []]


def test_chatter_explains_an_end(router, wrapper):
    python = wrapper("echo this account is closed; exit 1")
    assert_fails(lambda: router.local(python), "this account is closed", status=1)
    python = wrapper("echo this account is closed, too >&2; exit 1")
    assert_fails(lambda: router.local(python), "this account is closed, too", status=1)


def test_a_parent_that_is_gone(router):
    outer = router.local(sys.executable)
    outer.close()
    with pytest.raises(econtext.EcontextError):
        outer.local(sys.executable)
