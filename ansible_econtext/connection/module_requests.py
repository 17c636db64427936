"""Actions that a session sends to have modules run, and the results of these."""

import posixpath
import re
import signal

from ansible_econtext.client.messages import Died, Ended, Module, Program, ProgramFile
from ansible_econtext.connection import shell
from ansible_econtext.payload import ansiballz, reusable

#: Variables that are read when a Python starts, which is too early for a call process: by the
#: interpreter, its loader, OpenSSL and malloc.  HOME leads to the user's site.  A locale counts
#: if its encoding may be another one than UTF-8, which Python takes for C too.
_FOR_STARTS = re.compile(
    "PYTHON|LD_|OPENSSL_|MALLOC_|GLIBC_TUNABLES=|LOCPATH=|HOME="
    "|(LC_ALL|LC_CTYPE|LANG)=(?!$|C$|POSIX$|.*(?i:utf-?8))"
)


#: An interpreter that is found without PATH.
_WITHOUT_PATH = re.compile(r"/[^\s'\"$]+\Z")


def needs_own_start(note: shell.ModuleNote) -> bool:
    """Return whether a module needs an interpreter that a shell starts with its variables."""
    environment = note.environment
    if not all(name.isascii() and name.isidentifier() for name in environment):
        return True  # to the shell they are no variables
    if "PATH" in environment and not _WITHOUT_PATH.match(note.interpreter):
        return True
    return any(map(_FOR_STARTS.match, map("=".join, environment.items())))


def name(program: shell.ProgramNote) -> str:
    """Return the name of a program's file, or its command if it comes on standard input."""
    return posixpath.basename(program.paths[0]) if program.paths else program.command


def of_payload(
    note: shell.ModuleNote, payload: ansiballz.Payload, directory: str | None, terminal: str | None
) -> Module:
    """Return the action that runs a payload, without its archive."""
    return Module(
        name=payload.name,
        identity=payload.identity,
        parameters=payload.parameters,
        profile=payload.profile,
        open_files=payload.open_files,
        interpreter=note.interpreter,
        environment=note.environment,
        directory=directory,
        remote_tmp=note.remote_tmp,
        may_run_warm=terminal is None and reusable.leaves_nothing(payload),
        terminal=terminal,
    )


def of_program(
    program: shell.ProgramNote,
    contents: list[bytes] | None,
    data: bytes | None,
    directory: str | None,
    terminal: str | None,
) -> Program:
    """Return the action that runs a program, with `data` on its standard input.

    `contents` are those of its files; None if the files are on the host.
    """
    files = list(zip(shell.WORDS, program.paths, contents or (), strict=False))
    return Program(
        name=name(program),
        shell=program.shell,
        environment=program.environment,
        command=program.command if contents is None else program.template,
        files=[
            ProgramFile(word, posixpath.basename(path), content, is_kept=word == shell.WORDS[0])
            for word, path, content in files
        ],
        input=data or b"",
        directory=directory,
        remote_tmp=program.remote_tmp,
        temporary=posixpath.basename(posixpath.dirname(program.paths[0])) if files else "",
        terminal=terminal,
    )


def result(reply: Ended | Died) -> tuple[int, bytes, bytes]:
    """Return the result of `exec_command` for a module, as a shell has it if a signal ended it."""
    if reply.status >= 0:
        return reply.status, reply.stdout, reply.stderr
    said = f"{signal.strsignal(-reply.status) or 'Killed'}\n"
    return 128 - reply.status, reply.stdout, reply.stderr + said.encode()
