"""Command line that starts a slave: finds a Python, which reads the bundle."""

import shlex
from collections.abc import Sequence

from econtext.boot.bundle import LENGTH_DIGITS

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


def command(pythons: Sequence[str] = PYTHONS) -> str:
    """Return the command that starts a slave, for any login shell.

    `pythons` are names or paths, with arguments behind them if need be, as Ansible's
    interpreters may have.  The first stage reads the bundle to its last byte and no
    further, so that frames may follow it without a wait.  The quotes mean the same to
    each login shell (sh, bash, csh, fish).

    It imports nothing from the current directory, which a Python with `-c` would search
    first: that may be a home, or a directory that anyone can write to.
    """
    code = (
        "import sys;sys.path[:]=[each for each in sys.path if each];"
        "import io,zlib;"
        "source=io.BufferedReader(io.FileIO(0,closefd=False),1);"
        f"bundle=source.read(int(source.read({LENGTH_DIGITS})));"
        'parts=zlib.decompress(bundle).split(b"\\0");'
        "exec(parts[0])"
    ).replace('"', '\\"')
    run = f'"{code}" econtext'
    # A Python is tried, not only looked for: a version manager's stand-in may lead nowhere.
    if len(pythons) == 1:
        script = f"exec {pythons[0]} -c {run}"
    else:
        script = (
            f"for p in {' '.join(pythons)};do "
            f"$p -V >/dev/null 2>&1&&exec $p -c {run};done;"
            f"echo econtext: found no Python>&2;exit {NOT_FOUND}"
        )
    return "/bin/sh -c " + shlex.quote(script)
