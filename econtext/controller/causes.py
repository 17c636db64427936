"""Causes why no slave started, read off the words of the programs that lead to it.  No I/O.

The words are the programs' English ones; in another language a cause may be unknown.  A target may
write any words: a cause is advice for people, and nothing is decided by it.
"""

import enum
import re
from typing import NamedTuple


class Cause(enum.Enum):
    """Cause of a failed start; its value is the stable text."""

    NO_PROGRAM = "no program"
    WRONG_OPTIONS = "wrong options"
    UNKNOWN_HOST = "unknown host"
    REFUSED = "connection refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    CLOSED = "connection closed"
    KEY_CHANGED = "host key changed"
    KEY_UNKNOWN = "host key unknown"
    KEY_REFUSED = "key refused"
    NO_PASSWORD = "no password"
    WRONG_PASSWORD = "wrong password"
    NOT_ALLOWED = "not allowed"
    NO_ACCOUNT = "no such account"
    NO_TERMINAL = "no terminal"
    NO_CONTAINER = "no such container"
    NO_SHELL = "no shell"
    NO_PYTHON = "no Python"
    UNFIT_PYTHON = "Python too old"
    INPUT_TAKEN = "input taken"
    ENDLESS_OUTPUT = "endless output"
    KILLED = "killed"
    READ_ONLY = "read-only file system"
    FULL_DISK = "full disk"
    NO_RESOURCES = "no resources"
    SILENT_END = "silent end"
    UNKNOWN = "unknown"


#: What to do, in one sentence.
ADVICE = {
    Cause.NO_PROGRAM: "Install the program where it is to run, or put it on the PATH there.",
    Cause.WRONG_OPTIONS: "Correct the option or the configuration file that the program names.",
    Cause.UNKNOWN_HOST: "Check the spelling of the host's name, and the resolver.",
    Cause.REFUSED: "Check that the server runs and listens at this address and port.",
    Cause.UNREACHABLE: "Check the address, the network and its routes.",
    Cause.TIMED_OUT: "Check that the host is up, that no firewall drops the packets and that no "
    "startup file of the login waits.",
    Cause.CLOSED: "Look in the server's log why it closes connections (it may have too many).",
    Cause.KEY_CHANGED: "Find out why the host has another key before you replace the old one in "
    "known_hosts.",
    Cause.KEY_UNKNOWN: "Check the host's key and add it to known_hosts.",
    Cause.KEY_REFUSED: "Check the account's name, that its authorized_keys has the key, and that "
    "the key needs no passphrase here (an agent may hold it).",
    Cause.NO_PASSWORD: "Give the password, or allow the account to go without one.",
    Cause.WRONG_PASSWORD: "Check the password, and whose it is: su takes the new account's, "
    "sudo and doas the present one's.",
    Cause.NOT_ALLOWED: "Allow it to the account that starts the program (in sudoers, doas.conf, "
    "by a group or a role), or start it as another account.",
    Cause.NO_ACCOUNT: "Check the account's name, and create the account if it is missing.",
    Cause.NO_TERMINAL: "Lift the rule that demands a terminal (requiretty), or mount /dev/pts "
    "where the program runs.",
    Cause.NO_CONTAINER: "Check that the container, instance, pod, directory or process exists "
    "and runs.",
    Cause.NO_SHELL: "Give the account a login shell that runs commands, and the container or "
    "directory a /bin/sh.",
    Cause.NO_PYTHON: "Install a Python (2.7, or 3.6 or newer), or name one that runs as `python`.",
    Cause.UNFIT_PYTHON: "Name a whole Python (2.7, or 3.6 or newer) as `python`.",
    Cause.INPUT_TAKEN: "Keep startup files of the login, and a wrapper of the Python, from "
    "reading their standard input.",
    Cause.ENDLESS_OUTPUT: "Keep startup files of the login from printing without end.",
    Cause.KILLED: "Look in the system's log for what killed it, such as a lack of memory.",
    Cause.READ_ONLY: "Mount the file system so that it can be written to.",
    Cause.FULL_DISK: "Make room, or free inodes, on the file system.",
    Cause.NO_RESOURCES: "Raise the limits of memory, processes, sessions or open files.",
    Cause.SILENT_END: "Check that the account's login shell and startup files run commands, and "
    "that `python` is one.",
    Cause.UNKNOWN: "",
}


class Row(NamedTuple):
    """Row of the catalogue: the cause if a program says what the pattern matches.

    The pattern is searched in the error's reason, which has the exit status, and on the lines
    behind it the words.  A row without `programs` is of them all.
    """

    cause: Cause
    programs: tuple[str, ...]
    pattern: str


_DOCKERS = ("docker", "podman", "buildah")
_CLIENTS = (*_DOCKERS, "kubectl", "lxc", "incus")
_ENDED = r"\Athe command ended with status "

#: The first row that matches counts.
ROWS = (
    # The reasons that name what the controller has seen itself.
    Row(Cause.NO_TERMINAL, (), r"\A.*cannot run .*(no such device|no space left)"),
    Row(Cause.NOT_ALLOWED, (), r"\A.*cannot run .*(permission denied|not permitted)"),
    Row(Cause.NO_PROGRAM, (), r"\A.*cannot run .*no such file"),
    Row(Cause.ENDLESS_OUTPUT, (), r"\Athe login prints without end"),
    # ssh
    Row(Cause.WRONG_OPTIONS, ("ssh",), r"bad configuration option|bad owner or permissions on "),
    Row(Cause.WRONG_OPTIONS, ("ssh",), r"unknown option -- |unable to negotiate with "),
    Row(Cause.UNKNOWN_HOST, ("ssh",), r"could not resolve hostname"),
    Row(Cause.REFUSED, ("ssh",), r"connect to .*: connection refused"),
    Row(Cause.UNREACHABLE, ("ssh",), r"connect to .*: (no route|network is unreach|host is down)"),
    Row(Cause.TIMED_OUT, ("ssh",), r"(connection|operation) timed out|^connection to .* timed out"),
    Row(Cause.KEY_CHANGED, ("ssh",), r"remote host identification has changed"),
    Row(Cause.KEY_UNKNOWN, ("ssh",), r"host key verification failed|^the authenticity of host "),
    Row(Cause.KEY_REFUSED, ("ssh",), r"^enter passphrase for "),
    # Other accounts
    Row(Cause.NOT_ALLOWED, ("sudo",), r"not in the sudoers file|is not allowed to (run|execute)"),
    Row(Cause.NOT_ALLOWED, ("sudo",), r"I'm afraid I can't do that|no new privileges"),
    Row(Cause.NOT_ALLOWED, ("su",), r"^su: permission denied|account has expired|must be suid"),
    Row(Cause.NOT_ALLOWED, ("doas",), r"doas: (operation not perm|doas is not en|not installed)"),
    Row(Cause.NO_ACCOUNT, ("sudo", "su", "doas"), r"unknown user|user \S+ (not found|does not ex)"),
    Row(
        Cause.NO_TERMINAL,
        ("sudo",),
        r"must have a tty|no tty present|a terminal is required|allocate pty",
    ),
    Row(Cause.NO_TERMINAL, ("su", "doas"), r"a tty is required|must be run from a terminal"),
    Row(Cause.WRONG_PASSWORD, (), r"\Athe password was refused"),
    Row(Cause.NO_PASSWORD, (), r"\Aa password is required"),
    # Of ssh again: a password was not asked for, or refused before.
    Row(Cause.KEY_REFUSED, ("ssh",), r": permission denied \(|too many authentication failures"),
    Row(Cause.NOT_ALLOWED, ("ssh",), r"open failed: administratively prohibited"),
    Row(Cause.NO_RESOURCES, ("ssh",), r"request failed on channel"),
    Row(Cause.CLOSED, ("ssh",), r"connection (to .* )?(closed|reset) by"),
    # Containers
    Row(Cause.WRONG_OPTIONS, _CLIENTS, r"unknown (shorthand )?flag"),
    Row(Cause.UNKNOWN_HOST, _CLIENTS, r"dial tcp: lookup "),
    Row(Cause.REFUSED, _CLIENTS, r"connection refused|connection to the server .* was refused"),
    Row(Cause.REFUSED, ("docker",), r"cannot connect to the docker daemon"),
    Row(Cause.TIMED_OUT, _CLIENTS, r"i/o timeout|tls handshake timeout"),
    Row(
        Cause.NOT_ALLOWED, _CLIENTS, r"permission denied while trying|\(forbidden\)|dial unix .*den"
    ),
    Row(Cause.NO_ACCOUNT, _DOCKERS, r"unable to find user|no matching entries in passwd"),
    Row(Cause.NO_CONTAINER, _DOCKERS, r"no such container|is not running|container state improper"),
    Row(Cause.NO_CONTAINER, ("buildah",), r"container not known"),
    Row(Cause.NO_CONTAINER, ("kubectl",), r"\(notfound\)|container not found|a completed pod"),
    Row(Cause.NO_CONTAINER, ("lxc", "incus"), r"instance (not found|is not running)|^error: not f"),
    Row(Cause.NOT_ALLOWED, ("lxc-attach",), r"you lack access"),
    Row(Cause.NO_CONTAINER, ("lxc-attach",), r"failed to get (init pid|attach context)"),
    Row(Cause.NO_CONTAINER, ("jexec",), r"^jexec: jail .* not found"),
    Row(
        Cause.NOT_ALLOWED,
        ("chroot", "nsenter", "jexec"),
        r"^(chroot|nsenter|jexec): .*not permitted",
    ),
    Row(Cause.NOT_ALLOWED, ("nsenter",), r"^nsenter: .*permission denied"),
    Row(Cause.NO_CONTAINER, ("chroot",), r"cannot change root directory"),
    Row(Cause.NO_CONTAINER, ("nsenter",), r"cannot open /proc/.*no such file"),
    # The login, the shell and the Python
    Row(Cause.NO_SHELL, (), r"this account is (currently )?not available"),
    Row(Cause.NO_SHELL, ("su",), r"^su: (failed to|cannot) execute "),
    Row(Cause.NO_SHELL, (), r"(exec\w*|run command|file|sudo|doas):? [\"'`‘]?/bin/sh\b"),
    Row(Cause.NO_SHELL, ("lxc", "incus"), r"^error: command not found"),
    Row(Cause.NO_PYTHON, (), _ENDED + r"12[67] |^econtext: found no python"),
    Row(Cause.INPUT_TAKEN, (), r"^econtext: no bundle on stdin"),
    Row(
        Cause.UNFIT_PYTHON, (), r"^(syntax|import|modulenotfound|attribute)error: .*\Z|^fatal pyth"
    ),
    Row(Cause.READ_ONLY, (), r"read-only file system"),
    Row(Cause.FULL_DISK, (), r"no space left on device|disk quota exceeded|printf: i/o error"),
    Row(Cause.NO_RESOURCES, (), r"cannot (fork|allocate)|temporarily unavailable|too many open"),
    Row(Cause.KILLED, (), r"\Athe command was killed by |" + _ENDED + r"1(37|43) "),
    Row(Cause.KILLED, ("ssh",), _ENDED + r"255 before a slave ran\n\Z"),
    Row(Cause.SILENT_END, (), _ENDED + r"\d+ before a slave ran\n\Z"),
    Row(Cause.TIMED_OUT, (), r"\Ano slave ran after "),
)


#: Characters of each that are searched: a target may write more, and patterns take time by the
#: square of them.
_MAX_REASON, _MAX_WORDS = 1000, 10_000


def find(program: str, reason: str, words: str) -> Cause:
    """Return the cause of a failed start; `program` is the command's first word."""
    name = program.rpartition("/")[2]
    text = f"{reason[:_MAX_REASON]}\n{words.strip()[-_MAX_WORDS:]}"
    for row in ROWS:
        if not row.programs or name in row.programs:
            if re.search(row.pattern, text, re.IGNORECASE | re.MULTILINE):
                return row.cause
    return Cause.UNKNOWN
