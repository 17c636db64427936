"""The catalogue of causes: real words of each program, and the row that knows them."""

import pytest

from ansible_econtext.broker.pooled_slave import failure
from econtext.controller import causes
from econtext.controller.causes import ROWS, Cause
from econtext.controller.errors import LaunchError, LaunchTimeout, PasswordError

#: Programs, the status with which they ended or the reason that the controller gives, and their
#: words.
WORDS: dict[Cause, list[tuple[str, int | str, str]]] = {
    Cause.NO_PROGRAM: [
        ("ssh", "cannot run ssh: [Errno 2] No such file or directory: 'ssh'", ""),
        ("sudo", "ssh.host cannot run sudo: [Errno 2] No such file or directory", ""),
    ],
    Cause.WRONG_OPTIONS: [
        ("ssh", 255, "command-line: line 0: Bad configuration option: foo"),
        ("ssh", 255, "Bad owner or permissions on /home/me/.ssh/config"),
        ("ssh", 255, "unknown option -- Z\nusage: ssh [-46AaCfGgKkMNnqsTtVvXxYy]"),
        ("ssh", 255, "Unable to negotiate with 192.0.2.1 port 22: no matching cipher found."),
        ("docker", 125, "unknown flag: --wrong\n\nUsage:  docker exec [OPTIONS] CONTAINER"),
        ("kubectl", 1, "error: unknown shorthand flag: 'z' in -z"),
    ],
    Cause.UNKNOWN_HOST: [
        ("ssh", 255, "ssh: Could not resolve hostname a.invalid: Name or service not known"),
        ("/usr/bin/ssh", 255, "ssh: Could not resolve hostname a.invalid: nodename nor servname"),
        ("kubectl", 1, "Unable to connect to the server: dial tcp: lookup a.invalid: no such host"),
    ],
    Cause.REFUSED: [
        ("ssh", 255, "ssh: connect to host 127.0.0.1 port 1: Connection refused"),
        ("kubectl", 1, "The connection to the server 127.0.0.1:1 was refused - did you specify"),
        (
            "lxc",
            1,
            "Error: Get https://a:8443: dial tcp 192.0.2.1:8443: connect: connection refused",
        ),
        ("docker", 1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."),
    ],
    Cause.UNREACHABLE: [
        ("ssh", 255, "ssh: connect to host 192.0.2.1 port 22: No route to host"),
        ("ssh", 255, "ssh: connect to host 2001:db8::1 port 22: Network is unreachable"),
    ],
    Cause.TIMED_OUT: [
        ("ssh", 255, "ssh: connect to host 192.0.2.1 port 22: Connection timed out"),
        ("ssh", 255, "ssh: connect to host 192.0.2.1 port 22: Operation timed out"),
        ("ssh", 255, "Connection timed out during banner exchange"),
        ("ssh", 255, "Connection to 192.0.2.1 port 22 timed out"),
        ("kubectl", 1, "Unable to connect to the server: dial tcp 192.0.2.1:443: i/o timeout"),
        ("sudo", "no slave ran after 60 seconds", "a word of a login"),
    ],
    Cause.CLOSED: [
        ("ssh", 255, "kex_exchange_identification: Connection closed by remote host"),
        ("ssh", 255, "kex_exchange_identification: read: Connection reset by peer"),
        ("ssh", 255, "Connection to 192.0.2.1 closed by remote host."),
    ],
    Cause.KEY_CHANGED: [
        (
            "ssh",
            255,
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
            "Host key verification failed.",
        ),
    ],
    Cause.KEY_UNKNOWN: [
        ("ssh", 255, "No ED25519 host key is known for a\nHost key verification failed."),
        ("ssh", "the password was refused", "The authenticity of host 'a' can't be established."),
    ],
    Cause.KEY_REFUSED: [
        ("ssh", 255, "a banner\nme@host: Permission denied (publickey,password)."),
        ("ssh", 255, "Received disconnect from a port 22:2: Too many authentication failures"),
        ("ssh", "the password was refused", "Enter passphrase for key '/home/me/.ssh/id': "),
    ],
    Cause.NO_PASSWORD: [
        ("sudo", "a password is required", "sudo: a password is required"),
        ("su", "a password is required", ""),
    ],
    Cause.WRONG_PASSWORD: [
        ("sudo", "the password was refused", "Sorry, try again."),
        ("su", "the password was refused", "su: Authentication failure"),
        ("doas", "the password was refused", "doas: Authentication failed"),
        ("ssh", "the password was refused", "me@host: Permission denied (publickey,password)."),
    ],
    Cause.NOT_ALLOWED: [
        ("sudo", 1, "me is not in the sudoers file."),
        ("sudo", 1, "me is not allowed to run sudo on host.  This incident will be reported."),
        ("sudo", 1, "Sorry, user me is not allowed to execute '/bin/sh -c x' as root on host."),
        ("sudo", 1, "sudo: authentication failed: I'm sorry me. I'm afraid I can't do that"),
        ("sudo", 1, 'sudo: The "no new privileges" flag is set, which prevents sudo from running'),
        ("su", 1, "su: Permission denied"),
        ("su", 1, "su: must be suid to work properly"),
        (
            "su",
            "the password was refused",
            "Your account has expired; please contact your system administrator.\n"
            "su: Authentication failure",
        ),
        ("doas", 1, "doas: Operation not permitted"),
        ("doas", 1, "doas: doas is not enabled, /etc/doas.conf: No such file or directory"),
        ("doas", 1, "doas: not installed setuid"),
        ("sudo", "host cannot run sudo: [Errno 13] Permission denied", ""),
        ("ssh", 255, "channel 0: open failed: administratively prohibited: open failed"),
        ("docker", 1, "permission denied while trying to connect to the Docker daemon socket"),
        ("kubectl", 1, 'Error from server (Forbidden): pods "p" is forbidden: User "u" cannot get'),
        ("lxc", 1, 'Get "http://unix.socket/1.0": dial unix /a: connect: permission denied'),
        ("lxc-attach", 1, "lxc-attach: c: lxc_attach.c: main: 302 You lack access to /var/lib/lxc"),
        ("chroot", 125, "chroot: cannot change root directory to '/a': Operation not permitted"),
        ("nsenter", 1, "nsenter: cannot open /proc/1/ns/mnt: Permission denied"),
        (
            "nsenter",
            1,
            "nsenter: reassociate to namespace 'ns/mnt' failed: Operation not permitted",
        ),
    ],
    Cause.NO_ACCOUNT: [
        ("sudo", 1, "sudo: unknown user nobody-of-that-name"),
        ("sudo", 1, "sudo: user 'nobody-of-that-name' not found"),
        ("su", 1, "su: user a does not exist or the user entry does not contain all the required"),
        ("su", 1, "su: unknown user a"),
        ("doas", 1, "doas: unknown user"),
        ("docker", 126, "unable to find user a: no matching entries in passwd file"),
    ],
    Cause.NO_TERMINAL: [
        ("sudo", 1, "sudo: sorry, you must have a tty to run sudo"),
        ("sudo", 1, "sudo: no tty present and no askpass program specified"),
        ("sudo", 1, "sudo: a terminal is required to read the password"),
        ("sudo", 1, "sudo: unable to allocate pty: No such device"),
        ("doas", 1, "doas: a tty is required"),
        ("su", 1, "su: must be run from a terminal"),
        ("su", "host cannot run su: [Errno 19] No such device", ""),
    ],
    Cause.NO_CONTAINER: [
        ("docker", 1, "Error response from daemon: No such container: c"),
        ("docker", 1, "Error: No such container: c"),
        ("docker", 1, "Error response from daemon: Container abc is not running"),
        ("podman", 125, 'Error: no container with name or ID "c" found: no such container'),
        (
            "podman",
            255,
            "Error: can only create exec sessions on running containers: container state improper",
        ),
        ("buildah", 125, 'Error: reading build container "c": container not known'),
        ("kubectl", 1, 'Error from server (NotFound): pods "p" not found'),
        ("kubectl", 1, "error: cannot exec into a container in a completed pod; current phase is"),
        ("lxc", 1, "Error: Instance not found"),
        ("lxc", 1, "Error: not found"),
        ("incus", 1, "Error: Instance is not running"),
        (
            "lxc-attach",
            1,
            "lxc-attach: c: attach.c: 406 Connection refused - Failed to get init pid",
        ),
        ("jexec", 1, 'jexec: jail "j" not found'),
        ("chroot", 125, "chroot: cannot change root directory to '/a': No such file or directory"),
        ("nsenter", 1, "nsenter: cannot open /proc/9/ns/mnt: No such file or directory"),
    ],
    Cause.NO_SHELL: [
        ("ssh", 1, "This account is currently not available."),
        ("su", 127, "su: failed to execute /no/shell: No such file or directory"),
        ("docker", 127, 'OCI runtime exec failed: exec failed: exec: "/bin/sh": stat /bin/sh: no'),
        ("podman", 127, "Error: crun: executable file `/bin/sh` not found in $PATH: No such file"),
        ("chroot", 127, "chroot: failed to run command ‘/bin/sh’: No such file or directory"),
        ("nsenter", 127, "nsenter: failed to execute /bin/sh: No such file or directory"),
        ("jexec", 1, "jexec: execvp: /bin/sh: No such file or directory"),
        ("sudo", 1, "sudo: /bin/sh: command not found"),
        ("lxc", 127, "Error: Command not found"),
    ],
    Cause.NO_PYTHON: [
        ("/bin/sh", 127, "/bin/sh: 1: exec: no-such-python: not found"),
        ("ssh", 127, "bash: line 1: exec: no-such-python: not found"),
        ("lxc", 127, "/bin/sh: 1: exec: no-such-python: not found"),
        ("chroot", 127, "sh: exec: line 0: no-such-python: not found"),
        ("/bin/sh", 126, "/bin/sh: 1: exec: /dev/null: Permission denied"),
        ("ssh", 127, "econtext: found no Python"),
    ],
    Cause.UNFIT_PYTHON: [
        ("ssh", 1, 'File "<string>", line 9\n    {a: b}\n     ^\nSyntaxError: invalid syntax'),
        ("ssh", 1, "Traceback (most recent call last):\nImportError: No module named zlib"),
        (
            "ssh",
            1,
            "Traceback (most recent call last):\nModuleNotFoundError: No module named 'zlib'",
        ),
        (
            "ssh",
            1,
            '  File "<string>", line 1, in <module>\n'
            '    head.isdigit()or sys.exit("econtext: no bundle on stdin")\n'
            "ModuleNotFoundError: No module named 'zlib'",
        ),
        ("ssh", 1, "Fatal Python error: init_fs_encoding: failed to get the Python codec"),
    ],
    Cause.INPUT_TAKEN: [("ssh", 1, "econtext: no bundle on stdin")],
    Cause.ENDLESS_OUTPUT: [("ssh", "the login prints without end", "")],
    Cause.KILLED: [
        ("/bin/sh", "the command was killed by SIGKILL before a slave ran", ""),
        ("sudo", 137, "Killed"),
        ("ssh", 143, ""),
        ("ssh", 255, ""),
    ],
    Cause.READ_ONLY: [
        ("ssh", 1, "mkdir: cannot create directory ‘/tmp/econtext.0f’: Read-only file system"),
    ],
    Cause.FULL_DISK: [
        ("ssh", 1, "mkdir: cannot create directory ‘/tmp/econtext.0f’: No space left on device"),
        ("ssh", 1, "mkdir: cannot create directory ‘/tmp/econtext.0f’: Disk quota exceeded"),
        ("ssh", 1, "sh: 1: printf: printf: I/O error"),
    ],
    Cause.NO_RESOURCES: [
        ("ssh", 2, "sh: 1: Cannot fork"),
        ("ssh", 254, "bash: fork: retry: Resource temporarily unavailable"),
        ("ssh", 255, "exec request failed on channel 0"),
        ("sudo", "host cannot run sudo: [Errno 11] Resource temporarily unavailable", ""),
    ],
    Cause.SILENT_END: [("ssh", 1, ""), ("su", 1, " \n")],
    Cause.UNKNOWN: [
        ("ssh", 1, "words of a kind that nobody has seen"),
        ("docker", 1, "ssh: connect to host a port 1: Connection rejected"),
        ("teleport", 1, "Error: no such container: c"),
        ("ssh", "the start was given up", ""),
    ],
}

EXAMPLES = [(cause, *example) for cause, found in WORDS.items() for example in found]


def reason_of(ended: int | str) -> str:
    if isinstance(ended, str):
        return ended
    return f"the command ended with status {ended} before a slave ran"


@pytest.mark.parametrize(("cause", "program", "ended", "words"), EXAMPLES)
def test_a_cause(cause: Cause, program: str, ended: int | str, words: str) -> None:
    assert causes.find(program, reason_of(ended), words) is cause


def test_each_row_is_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any one of them the cause of an example is another."""
    for row in ROWS:
        monkeypatch.setattr(causes, "ROWS", tuple(each for each in ROWS if each is not row))
        found = [causes.find(name, reason_of(ended), words) for _, name, ended, words in EXAMPLES]
        assert found != [cause for cause, *_ in EXAMPLES], row


def test_a_bounded_part_is_searched() -> None:
    """A megabyte of a target's would take hours."""
    assert causes.find("a", 900 * "x" + "cannot run b: no such file", "") is Cause.NO_PROGRAM
    assert causes.find("a", 1000 * "x" + "cannot run b: no such file", "") is Cause.UNKNOWN
    full = "No space left on device"
    assert causes.find("a", reason_of(1), 10_000 * "x" + full) is Cause.FULL_DISK
    assert causes.find("a", reason_of(1), full + 10_000 * "x") is Cause.UNKNOWN


def test_each_cause_but_the_unknown_has_advice_of_one_sentence() -> None:
    assert set(causes.ADVICE) == set(Cause) == set(WORDS)
    for cause, advice in causes.ADVICE.items():
        assert (advice.endswith(".") and advice[0].isupper()) != (cause is Cause.UNKNOWN), cause


def test_an_error_ends_with_the_advice() -> None:
    error = LaunchError("ssh.a", reason_of(255), 255, "ssh: connect to host a: Connection refused")
    assert error.cause is Cause.UNKNOWN and "\n" not in str(error)  # of no program that is known
    error.program = "ssh"
    first, advice = str(error).split("\n")
    assert first == f"ssh.a: {reason_of(255)}: ssh: connect to host a: Connection refused"
    assert advice == error.advice == causes.ADVICE[Cause.REFUSED]


@pytest.mark.parametrize(
    "error",
    [
        LaunchError("ssh.a", reason_of(1), 1, "This account is currently not available."),
        LaunchTimeout("ssh.a", 60.0, "a banner"),
        PasswordError("ssh.a", True),
    ],
)
def test_ansible_gets_no_advice(error: LaunchError) -> None:
    """It has words of its own, which are compared with stock's."""
    assert error.advice and error.advice in str(error)
    assert f"{failure(0, 'ssh', error).text}\n{error.advice}" == str(error)
