"""Causes of failed starts, each made for real: what an error says of it, and the stage reached."""

from __future__ import annotations

import pathlib
import shlex
import shutil
import socket
import sys
from collections.abc import Callable, Iterator

import pytest

import econtext
from econtext import Cause, LaunchError, Stage
from econtext.controller.launch import Launch
from econtext.controller.methods import local, ssh
from tests.support import accounts, sshd
from tests.support.accounts import Account
from tests.support.sshd import Sshd

from . import routes


def check(start: Callable[[], object], cause: Cause, stage: Stage) -> LaunchError:
    """Fail unless a start fails for this cause at this stage; return its error."""
    with pytest.raises(LaunchError) as caught:
        start()
    error = caught.value
    assert (error.cause, error.stage) == (cause, stage), error
    assert str(error).endswith(f"\n{error.advice}")
    return error


@pytest.fixture(params=["direct", "through a slave"])
def starter(request: pytest.FixtureRequest, router: econtext.Router) -> econtext.Router:
    return router if request.param == "direct" else router.local(sys.executable)


def test_a_program_that_is_missing(
    router: econtext.Router, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    outer = router.local(shlex.join(["env", f"PATH={tmp_path}", sys.executable]))
    monkeypatch.setenv("PATH", str(tmp_path))
    check(lambda: router.ssh("127.0.0.1"), Cause.NO_PROGRAM, Stage.COMMAND)
    check(outer.sudo, Cause.NO_PROGRAM, Stage.COMMAND)


# ssh


def test_a_host_that_is_unknown(starter: econtext.Router) -> None:
    start = ssh.launch("no-such-host.invalid", ssh_args=("-F", "none"))
    check(lambda: starter.launch(start), Cause.UNKNOWN_HOST, Stage.LOGIN)


def test_an_option_that_is_wrong(router: econtext.Router) -> None:
    start = ssh.launch("127.0.0.1", ssh_args=("-F", "none", "-o", "NoSuchOption=1"))
    check(lambda: router.launch(start), Cause.WRONG_OPTIONS, Stage.LOGIN)


def test_a_port_on_which_nobody_listens(router: econtext.Router, sshd_server: Sshd) -> None:
    options = {**sshd_server.options(), "port": sshd.free_port()}
    check(lambda: router.ssh(**options), Cause.REFUSED, Stage.LOGIN)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_host_that_does_not_answer(router: econtext.Router, silent: int) -> None:
    options = ("-F", "none", "-o", "ConnectTimeout=1")
    plan = ssh.launch("127.0.0.1", silent, ssh_args=options)
    assert check(lambda: router.launch(plan), Cause.TIMED_OUT, Stage.LOGIN).status == 255
    plan = ssh.launch("127.0.0.1", silent, ssh_args=options[:2])._replace(timeout=0.5)
    assert check(lambda: router.launch(plan), Cause.TIMED_OUT, Stage.LOGIN).status is None


def test_a_host_that_closes_the_connection(router: econtext.Router) -> None:
    """Of which ssh has read nothing yet."""
    command = "ProxyCommand=true"
    plan = ssh.launch("127.0.0.1", ssh_args=("-F", "none", "-o", command))
    check(lambda: router.launch(plan), Cause.CLOSED, Stage.LOGIN)


def test_a_host_key_that_is_another(router: econtext.Router, sshd_server: Sshd) -> None:
    other = (sshd_server.directory / "wrong_key.pub").read_text(encoding="ascii")
    known = sshd_server.directory / "other_hosts"
    known.write_text(f"[127.0.0.1]:{sshd_server.port} {other}", encoding="ascii")
    options = sshd_server.options(known_hosts="other_hosts")
    check(lambda: router.ssh(**options), Cause.KEY_CHANGED, Stage.LOGIN)


@pytest.mark.parametrize("password", [None, "unused"])
def test_a_host_key_that_is_unknown(
    router: econtext.Router, sshd_server: Sshd, password: str | None
) -> None:
    options = sshd_server.options(known_hosts="no_hosts")
    check(lambda: router.ssh(**options, password=password), Cause.KEY_UNKNOWN, Stage.LOGIN)


def test_a_key_that_is_refused(router: econtext.Router, sshd_server: Sshd) -> None:
    options = sshd_server.options(key="wrong_key")
    check(lambda: router.ssh(**options), Cause.KEY_REFUSED, Stage.LOGIN)


def test_an_ssh_password(router: econtext.Router, sshd_server: Sshd, account: Account) -> None:
    options = {**sshd_server.options(key=None), "username": account.name}
    start = lambda: router.ssh(**options, password="a wrong one")  # noqa: E731
    assert "a wrong one" not in str(check(start, Cause.WRONG_PASSWORD, Stage.LOGIN))


# Logins


@pytest.fixture(scope="module")
def logins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An sshd whose logins run a script, `login`; it has no banner."""
    if sshd.BINARY is None or not shutil.which("ssh-keygen") or not shutil.which("ssh"):
        pytest.skip("needs ssh, sshd and ssh-keygen")
    directory = tmp_path_factory.mktemp("logins")
    more = f"PermitRootLogin prohibit-password\nForceCommand exec {directory}/login\n"
    with sshd.running_sshd(directory, more) as running:
        yield running


_GO_ON = 'exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'

LOGINS = {
    f"exec {shutil.which('nologin', path='/usr/sbin:/sbin')}": (Cause.NO_SHELL, Stage.LOGIN),
    "exec false": (Cause.SILENT_END, Stage.LOGIN),
    "echo this account is closed; exit 1": (Cause.UNKNOWN, Stage.LOGIN),
    "kill -9 $$": (Cause.KILLED, Stage.LOGIN),
    "sh -c 'kill -9 $$'; exit": (Cause.KILLED, Stage.LOGIN),
    "exec yes": (Cause.ENDLESS_OUTPUT, Stage.LOGIN),
    f"exec </dev/null; {_GO_ON}": (Cause.INPUT_TAKEN, Stage.BUNDLE),
    f"mkdir $0.once || exit 1; read line; {_GO_ON}": (Cause.INPUT_TAKEN, Stage.LOGIN),
    f"PATH=/nowhere; {_GO_ON}": (Cause.NO_PYTHON, Stage.FIRST_STAGE),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("script", LOGINS)
def test_a_login(router: econtext.Router, logins: Sshd, script: str) -> None:
    cause, stage = LOGINS[script]
    write(logins.directory / "login", script)
    start = lambda: router.ssh(**logins.options(), python="python3")  # noqa: E731
    if cause is Cause.UNKNOWN:
        with pytest.raises(LaunchError, match="this account is closed$") as caught:
            start()
        assert (caught.value.cause, caught.value.stage) == (cause, stage)
    else:
        check(start, cause, stage)


def test_a_login_that_reads_for_ever(router: econtext.Router, logins: Sshd) -> None:
    write(logins.directory / "login", "exec cat >/dev/null")
    plan = ssh.launch(**logins.options())._replace(timeout=2.0)
    check(lambda: router.launch(plan), Cause.TIMED_OUT, Stage.LOGIN)


def write(path: pathlib.Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


# Other accounts


def test_sudo_passwords(router: econtext.Router, account: Account) -> None:
    routes.need_sudo()
    user = router.sudo(account.name)
    error = check(lambda: user.sudo(password="wrong1"), Cause.WRONG_PASSWORD, Stage.LOGIN)
    assert "wrong1" not in str(error)
    check(user.sudo, Cause.NO_PASSWORD, Stage.LOGIN)


@pytest.fixture
def barred(account: Account) -> Iterator[Account]:
    """An account with a password, of which sudo's rules do not speak."""
    with accounts.removed_at_the_end("barred"):
        made = accounts.made_with_password("barred")
        (accounts.SUDOERS / made.name).unlink()
        yield made


def test_an_account_that_is_not_in_sudoers(router: econtext.Router, barred: Account) -> None:
    user = router.sudo(barred.name)
    check(lambda: user.sudo(password=barred.password), Cause.NOT_ALLOWED, Stage.LOGIN)
    check(lambda: user.chroot("/"), Cause.NOT_ALLOWED, Stage.LOGIN)
    check(lambda: user.nsenter(1), Cause.NOT_ALLOWED, Stage.LOGIN)


@pytest.mark.parametrize("method", ["sudo", "su", "doas"])
def test_an_account_that_does_not_exist(starter: econtext.Router, method: str) -> None:
    routes.need_root()
    if not shutil.which(method):
        pytest.skip(f"needs {method}")
    check(lambda: getattr(starter, method)("no-such-one"), Cause.NO_ACCOUNT, Stage.LOGIN)


def test_an_account_without_a_shell(router: econtext.Router) -> None:
    routes.need_root()
    check(lambda: router.su("nobody"), Cause.NO_SHELL, Stage.LOGIN)


def test_a_rule_that_demands_a_terminal(router: econtext.Router, account: Account) -> None:
    """Where none can be had."""
    routes.need_sudo()
    plan = mounted("mount -t tmpfs none /dev/pts", local.launch(sys.executable))
    outer = router.launch(plan)
    check(lambda: outer.su("nobody", password="unused"), Cause.NO_TERMINAL, Stage.COMMAND)
    user = outer.sudo(account.name)
    with accounts.sudo_defaults(account, "requiretty"):
        check(user.sudo, Cause.NO_TERMINAL, Stage.COMMAND)


# Containers

CONTAINERS = {
    "docker": (1, "Error response from daemon: No such container: c"),
    "podman": (125, 'Error: no container with name or ID "c" found: no such container'),
    "buildah": (125, 'Error: reading build container "c": container not known'),
    "kubectl": (1, 'Error from server (NotFound): pods "p" not found'),
    "lxd": (1, "Error: Instance not found"),
    "incus": (1, "Error: Instance not found"),
    "jail": (1, 'jexec: jail "j" not found'),
}


@pytest.mark.parametrize("method", CONTAINERS)
def test_no_such_container(
    method: str, router: econtext.Router, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """In the words of each program, by a script in its place."""
    arguments, program, _ = routes.STUBS[method]
    status, words = CONTAINERS[method]
    write(tmp_path / program, f"echo {shlex.quote(words)} >&2; exit {status}")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    error = check(lambda: getattr(router, method)(**arguments), Cause.NO_CONTAINER, Stage.LOGIN)
    assert (error.status, error.stderr) == (status, words)


def test_no_such_directory_process_or_container_of_lxc(starter: econtext.Router) -> None:
    routes.need_root()
    check(lambda: starter.chroot("/no/such"), Cause.NO_CONTAINER, Stage.LOGIN)
    check(lambda: starter.nsenter(2**30), Cause.NO_CONTAINER, Stage.LOGIN)
    if shutil.which("lxc-attach"):
        check(lambda: starter.lxc("no-such"), Cause.NO_CONTAINER, Stage.LOGIN)


def test_a_directory_without_a_shell(router: econtext.Router, tmp_path: pathlib.Path) -> None:
    routes.need_root()
    check(lambda: router.chroot(str(tmp_path)), Cause.NO_SHELL, Stage.FIRST_STAGE)


# The Python


@pytest.mark.parametrize("python", ["no-such-python", "/dev/null"])
def test_no_python(starter: econtext.Router, python: str) -> None:
    check(lambda: starter.local(python), Cause.NO_PYTHON, Stage.FIRST_STAGE)


@pytest.mark.parametrize(
    ("module", "stage"), [("zlib", Stage.FIRST_STAGE), ("heapq", Stage.BUNDLE)]
)
@pytest.mark.parametrize("text", ["print 'as in an old one'", "import no_such_module"])
def test_a_python_that_is_too_old(
    router: econtext.Router, tmp_path: pathlib.Path, module: str, stage: Stage, text: str
) -> None:
    """As one without a module, or that does not know its syntax."""
    (tmp_path / f"{module}.py").write_text(f"{text}\n", encoding="ascii")
    python = shlex.join(["env", f"PYTHONPATH={tmp_path}", routes.python("newest")])
    check(lambda: router.local(python), Cause.UNFIT_PYTHON, stage)


def test_a_python_that_ends_before_its_greeting(
    router: econtext.Router, tmp_path: pathlib.Path
) -> None:
    write(tmp_path / "python", r"printf '\nECONTEXT 1\n'; kill -9 $$")
    check(lambda: router.local(str(tmp_path / "python")), Cause.KILLED, Stage.GREETING)


MOUNTS = {
    "mount -t tmpfs -o ro none /tmp": Cause.READ_ONLY,
    "mount -t tmpfs -o nr_inodes=1 none /tmp": Cause.FULL_DISK,
    "mount -t tmpfs -o size=4k none /tmp; yes >/tmp/full 2>&1 || :": Cause.FULL_DISK,
}


@pytest.mark.parametrize("script", MOUNTS)
def test_file_systems(router: econtext.Router, script: str) -> None:
    """A start writes a file if a wrapper splits what it is given."""
    routes.need_root()
    plan = local.launch(f'sh -c "{sys.executable} \\$*" sh')
    check(lambda: router.launch(mounted(script, plan)), MOUNTS[script], Stage.LOGIN)


def mounted(script: str, plan: Launch) -> Launch:
    """Return the plan with mounts of its own, which the script makes."""
    within = ("unshare", "-m", "/bin/sh", "-ec", f'{script}; exec "$@"', "sh")
    return plan._replace(argv=(*within, *plan.argv))
