"""What a session asks of the broker to have a module run, and what comes of it."""

import posixpath
from typing import Any

from ansible_econtext.connection import errors, shell
from ansible_econtext.payload import ansiballz


def name(program: shell.Program) -> str:
    """The name of its file; where it comes on standard input, what runs it."""
    return posixpath.basename(program.paths[0]) if program.paths else program.command


def request_of_payload(
    note: shell.Module, module: ansiballz.Payload, directory: str | None
) -> dict[str, Any]:
    """The request to run a payload."""
    return {
        "do": "module",
        "interpreter": note.interpreter,
        "environment": note.environment,
        "remote_tmp": note.remote_tmp,
        "identity": module.identity,
        "name": module.name,
        "parameters": module.parameters,
        "profile": module.profile,
        "open_files": module.open_files,
        "directory": directory,
    }


def request_of_program(
    program: shell.Program,
    contents: list[bytes] | None,
    data: bytes | None,
    directory: str | None,
) -> dict[str, Any]:
    """The request to run a program, with `contents` in place of its files where these are
    known and else with the files themselves; `data` is for its standard input."""
    files = list(zip(shell.WORDS, program.paths, contents or (), strict=False))
    return {
        "do": "program",
        "name": name(program),
        "shell": program.shell,
        "environment": program.environment,
        "command": program.command if contents is None else program.template,
        # The last of each: whether it may come again, as a module does and its arguments do not.
        "files": [
            (word, posixpath.basename(path), content, word == shell.WORDS[0])
            for word, path, content in files
        ],
        "input": data or b"",
        "directory": directory,
        # Where its files are made after all, where they have to be.
        "remote_tmp": program.remote_tmp,
        "temporary": posixpath.basename(posixpath.dirname(program.paths[0])) if files else "",
    }


def result(reply: dict[str, Any]) -> tuple[int, bytes, bytes]:
    """What `exec_command` returns for a module that ended."""
    if "died" in reply:
        return errors.of_dead_module(reply)
    return reply["status"], reply["stdout"], reply["stderr"]
