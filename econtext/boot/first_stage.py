"""Command line that starts a slave: finds a Python, which reads the bundle."""

import enum
import os
import re
import shlex
from collections.abc import Sequence

from econtext.boot.bundle import HEADER_SIZE, LENGTH

#: Pythons to look for, in this order, if the caller names none: those of ansible-core's
#: INTERPRETER_PYTHON_FALLBACK, then older ones on which a slave runs too.
PYTHONS = (
    *(f"python3.{minor}" for minor in range(14, 6, -1)),
    "/usr/bin/python3",
    "python3",
    "python3.6",
    "python2.7",
    "/usr/bin/python",
    "python",
)

#: The exit status of the shell when it finds no Python: its own for "command not found".
NOT_FOUND = 127

#: Printed by a first stage that waits for the bundle, in a manner other than AT_ONCE.
FIRST_WORD = b"\nECONTEXT 0\n"

#: Said on standard error by a first stage whose input ended, stayed empty or began elsewhere:
#: what stands before it has read its input.
NO_BUNDLE = b"econtext: no bundle on stdin"

#: Seconds that a first stage waits for the first byte of a bundle that was sent ahead of it.
PATIENCE = 3


class Manner(enum.Enum):
    """Manner of a start: what is given to the Python, and when the bundle is sent.

    AT_ONCE costs no round trip.  The others are for a second start, where the first one failed.
    """

    #: As an argument; the bundle follows the command without waiting for anything.
    AT_ONCE = "at once"
    #: As an argument; the bundle waits for FIRST_WORD, so that nothing before it is fed.
    ON_WORD = "on word"
    #: As a file, whose name is the only argument; the bundle waits for FIRST_WORD.
    AS_FILE = "as file"


# In two parts: since Python 3.13 a traceback quotes this code, which is not to say the same.
_IN_PARTS = NO_BUNDLE.decode().replace(" on ", '"" on ')
_NO_BUNDLE = f'head.isdigit()or sys.exit("{_IN_PARTS}");'
_PATH = "import sys;sys.path[:]=[each for each in sys.path if each%s];"
_SOURCE = "import io,zlib,select;source=io.BufferedReader(io.FileIO(0,closefd=False),1);"
_HEAD = f"source.read({HEADER_SIZE})[{LENGTH.start}:{LENGTH.stop}]"
_WAIT = f'head=select.select([0],[],[],{PATIENCE})[0]and {_HEAD}or b"";{_NO_BUNDLE}'
_WORD = FIRST_WORD.decode().replace("\n", "\\n")
_SAY = f'sys.stdout.write("{_WORD}");sys.stdout.flush();head={_HEAD};{_NO_BUNDLE}'
_READ = 'bundle=source.read(int(head));parts=zlib.decompress(bundle).split(b"\\0");exec(parts[0])'

#: A directory of a file's own, closed to other accounts, and the file.  Neither is there when a
#: task runs, or searched by imports.
_DIRECTORY, _NAME = "/tmp/econtext.%s", "start"
_UNLINK = 'import os;os.path.isdir("{0}")and(os.unlink("{0}/{1}"),os.rmdir("{0}"));'


def _quoted(code: str) -> str:
    """Return code in double quotes, as the shell reads them."""
    return '"' + code.replace('"', '\\"') + '"'


_AT_ONCE = f"-c {_quoted(_PATH % '' + _SOURCE + _WAIT + _READ)} econtext"
_ON_WORD = f"-c {_quoted(_PATH % '' + _SOURCE + _SAY + _READ)} econtext"

#: `exec`, the Python and what AT_ONCE gives it; the Python's name has no quote before it.
_STARTED = re.compile(r"(.*)\bexec (.+?) " + re.escape(_AT_ONCE), re.DOTALL)


def command(pythons: Sequence[str] = PYTHONS) -> str:
    """Return the command that starts a slave AT_ONCE, for any login shell.

    `pythons` are names or paths, with arguments behind them if need be, as Ansible's
    interpreters may have.  The first stage reads the bundle to its last byte and no
    further, so that frames may follow it without a wait.  The quotes mean the same to
    each login shell (sh, bash, csh, fish).

    It imports nothing from the current directory, which a Python with `-c` would search
    first: that may be a home, or a directory that anyone can write to.
    """
    # A Python is tried, not only looked for: a version manager's stand-in may lead nowhere.
    if len(pythons) == 1:
        script = f"exec {pythons[0]} {_AT_ONCE}"
    else:
        # A root directory may have no /dev/null: root would make a file of that name.
        script = (
            f"for p in {' '.join(pythons)};do case $($p -V 2>&1) in "
            f'*"Python "[23]*) exec $p {_AT_ONCE};;esac;done;'
            f"echo econtext: found no Python>&2;exit {NOT_FOUND}"
        )
    return "/bin/sh -c " + shlex.quote(script)


def in_shell(python: str | None) -> tuple[str, ...]:
    """Return the arguments that start a slave by a shell, for a program that runs a command.

    `python` is the one to start; if None, the first of `PYTHONS` that runs.
    """
    return "/bin/sh", "-c", "exec " + command([python] if python else PYTHONS)


def in_manner(argv: Sequence[str], manner: Manner) -> tuple[str, ...]:
    """Return a command line for another manner; unchanged if it has no `command`.

    Quotes around the command, of any number of shells, stay right: no text has a single one.
    """
    return tuple(_in_manner(word, manner) for word in argv)


def _in_manner(word: str, manner: Manner) -> str:
    if manner is Manner.AT_ONCE:
        return word
    if manner is Manner.ON_WORD:
        return word.replace(_AT_ONCE, _ON_WORD)
    return _STARTED.sub(lambda found: found[1] + _with_file(found[2]), word)


def _with_file(python: str) -> str:
    """Return the shell's commands that give a Python a file, as Ansible does, and remove that.

    Without a dollar sign: the login shell of `sudo -i` would take it for its own.
    """
    token = os.urandom(8).hex()
    directory = _DIRECTORY % token
    path = _PATH % f' and"{token}"not in each'
    code = path + _UNLINK.format(directory, _NAME) + _SOURCE + _SAY + _READ
    # A login may have few descriptors: `rm -r` takes one, and a shell ends at once, without its
    # trap, if it has none to save its output in for a redirection.  A subshell does so alone.
    file = f"{directory}/{_NAME}"
    remove = f"rm -f {file};test -d {directory}&&rmdir {directory}"
    return (
        f'{{ mkdir -m 700 {directory}||exit;trap "{remove}" 0;trap "exit 1" 1 2 15;'
        f"(printf %s {_quoted(code)}>{file})||exit;{python} {file};exit; }}"
    )
