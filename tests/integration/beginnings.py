"""Wrappers of interpreters and startup files of shells: what stands before a slave's first word."""

from __future__ import annotations

PYTHON = "/usr/bin/python3"

#: Scripts that are given as an interpreter, by name.
WRAPPERS = {
    "splits": f"#!/bin/sh\nexec {PYTHON} $*\n",
    "first": f'#!/bin/sh\nexec {PYTHON} "$1"\n',
    "shell": f'#!/bin/sh\nexec sh -c "{PYTHON} $*"\n',
    "banner": f'#!/bin/sh\necho "Python of the department"\necho >&2 hello\nexec {PYTHON} "$@"\n',
    "clean": f'#!/bin/sh\nexec env -i {PYTHON} "$@"\n',
    "entry": f'#!/bin/sh\nset -e\ncd /\numask 022\nset -- {PYTHON} "$@"\nexec "$@"\n',
    "reads": f'#!/bin/sh\ntimeout 0.5 cat >/dev/null\nexec {PYTHON} "$@"\n',
    "wants_file": f'#!/bin/sh\n[ -f "$1" ] || {{ echo usage >&2; exit 2; }}\nexec {PYTHON} "$1"\n',
    "python": f"#!{PYTHON}\nimport subprocess, sys\n"
    f'sys.exit(subprocess.call(["{PYTHON}"] + " ".join(sys.argv[1:]).split()))\n',
    "fails": "#!/bin/sh\necho no licence >&2\nexit 3\n",
}

MORE_WRAPPERS = {
    "eval": f"#!/bin/sh\neval {PYTHON} $*\n",
    "no_options": f'#!/bin/sh\nexec {PYTHON} -- "$@"\n',
    "splits_and_reads": f"#!/bin/sh\ntimeout 0.5 cat >/dev/null\nexec {PYTHON} $*\n",
    "runs_file": f"#!{PYTHON}\nimport runpy, sys\ndel sys.argv[0]\n"
    'runpy.run_path(sys.argv[0], run_name="__main__")\n',
}

#: Files that bash reads before each command that sshd runs, by name.
STARTUP_FILES = {
    "read": "read -t 1 line\n",
    "cat": "timeout 1 cat\n",
    "stty": "stty erase ^H\n",
    "long": "yes 'a long text of welcome' | head -c 70000\n",
    "trap": "trap 'echo bye' EXIT\n",
    "mesg": "mesg n\n",
    # Not a NUL: the stock way fails with "embedded null byte".
    "bytes": "printf 'a\\377\\376\\033[1m no line end'\n",
}

MORE_STARTUP_FILES = {
    "no_input": "exec </dev/null\n",
    "waits": "sleep 1\n",
    "errors_to_output": "exec 2>&1; echo hello >&2\n",
    "very_long": "yes 'a long text of welcome' | head -c 3000000\n",
    "traps": "trap '' INT TERM HUP PIPE; trap 'true' CHLD DEBUG\n",
    "away": "cd /; umask 077; set -u; IFS=x\n",
    "another_shell": '[ -z "$BASH_EXECUTION_STRING" ] ||'
    ' exec /bin/sh -c "$BASH_EXECUTION_STRING"\n',
}

#: Read by the login shell of the account that tasks become.
PROFILE = (
    "timeout 0.5 cat; yes 'a long text' | head -c 70000; printf 'a\\0b\\377'; trap 'true' EXIT\n"
)
