"""The command line that starts a slave: finds a Python, which reads the bundle."""

import shlex
from collections.abc import Sequence

from econtext.boot.bundle import LENGTH_DIGITS

#: Looked for in this order where the caller names no Python: those that ansible-core
#: looks for (INTERPRETER_PYTHON_FALLBACK), then older ones that we still run on.
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
    """A command for /bin/sh, to be run by whatever shell the account has.

    `pythons` are names or paths, which may have arguments behind them, as
    Ansible's interpreters may.  The bundle comes behind its length and is read to
    its last byte and no further, so that frames may follow without waiting.  The
    quotes are chosen so that every login shell (sh, bash, csh, fish) takes it the
    same way.
    """
    code = (
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
