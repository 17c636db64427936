"""Runner of a module that is a program, by ansible-core's command for it.

ansible-core puts such a module and its arguments into files of a temporary directory.  Here
they are nameless files, whose paths the command is given.  If the system has no such files
or does not execute them, a temporary directory is made.
"""

import os
import signal
import subprocess
import tempfile

from ansible_econtext.target import file_operations, freshness, memfd
from econtext.target import call, compat

#: Signals that Python ignores, and that the program must not inherit as ignored.
_IGNORED = ("SIGPIPE", "SIGXFSZ", "SIGXFZ")


def run(operations, request, terminal=None):
    # type: (list, dict, object) -> tuple
    """Run the program; return (exit status, parent directories that were made).

    Standard input, output and error of this process are the program's, or those of `terminal`.
    The status is negative for a signal.  Raises Outdated before it does anything, and
    OperationError.
    """
    if not request["is_anew"]:
        freshness.check()
    made = file_operations.apply(operations)
    file_operations.enter(request["directory"])
    contents = [_content(*each) for each in request["files"]]
    paths = [memfd.program(name, content) for name, content in contents]
    directory = None
    if None in paths:
        directory, more = _directory(request["remote_tmp"], request["temporary"])
        made += more
        paths = [_write(directory, name, content) for name, content in contents]
    command = request["command"]
    for entry, path in zip(request["files"], paths):
        command = command.replace(entry[0], compat.from_native(path))
    try:
        return _run(request["shell"], request["environment"], command, terminal), made
    finally:
        if directory is not None:
            file_operations.remove(directory)


def _content(word, name, digest, content):
    # type: (str, str, object, object) -> tuple
    if content is None:
        content = call.importer.store.content(digest)  # type: ignore
    return compat.native(name), content


def _directory(remote_tmp, name):
    # type: (str, str) -> tuple
    """Return (a new directory, the directories above it that were made)."""
    parent = os.path.expanduser(compat.native(remote_tmp))
    try:
        made = file_operations.make_directory(parent, compat.native(name))
    except OSError:  # this account has no place there
        return tempfile.mkdtemp(prefix="ansible-tmp-"), []
    return os.path.join(parent, compat.native(name)), made


def _write(directory, name, content):
    # type: (str, str, bytes) -> str
    path = os.path.join(directory, name)
    file_operations.write(path, content, 0o700)
    return path


def _run(shell, environment, command, terminal):
    # type: (str, str, str, object) -> int
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    text = " ".join(part for part in (environment, command) if part)
    argv = [compat.native(part) for part in (shell, "-c", text)]
    variables = compat.commands_environment()
    if terminal is None:
        return subprocess.call(argv, close_fds=True, env=variables)
    return terminal.run(lambda: os.execvpe(argv[0], argv, variables or os.environ))  # type: ignore
