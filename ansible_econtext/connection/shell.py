"""A shell plugin that notes what its commands are for.

Source: `ShellBase` in ansible-core's `plugins/shell/__init__.py`, whose methods
have had these signatures from 2.16 to 2.21.  From 2.19 on ansible-core calls
`_mkdtemp2` and `_expand_user2`, which call the methods here.
"""

import posixpath
import re
from typing import Any, NamedTuple

from ansible_econtext.connection import recording

#: A path in which a shell would expand nothing.
_PLAIN = re.compile(r"[\w@%+=:,./-]+\Z")


class Program(NamedTuple):
    """Run a module that is a program of its own."""

    #: The shell, and the assignments and the command that it is to run.
    shell: str
    environment: str
    command: str
    #: The module's file and that of its arguments, as far as there are any.
    paths: tuple[str, ...] = ()
    #: The command again, with a word of WORDS in the place of each path.
    template: str = ""
    #: Where modules make their temporary files.
    remote_tmp: str = ""


class Module(NamedTuple):
    """Run what comes on standard input with this interpreter, as a shell takes it."""

    interpreter: str
    environment: dict[str, str]
    #: Where modules make their temporary files.
    remote_tmp: str
    #: For what comes and is no payload.
    program: Program | None


class Share(NamedTuple):
    """Let another account read the files of a program that is about to be run."""

    program: Program | None


class Operation(NamedTuple):
    """A file operation (`target.files`) whose output is known before it ran."""

    arguments: tuple[Any, ...]
    output: str = ""


class Expand(NamedTuple):
    """Print a path that begins with a tilde."""

    path: str


class Exists(NamedTuple):
    """Tell by the exit status whether a path exists."""

    path: str


class Command(NamedTuple):
    """Run it: it needs no terminal and reads no input."""


class Job(NamedTuple):
    """Start an asynchronous job, which outlives its starter."""

    command: str


Note = Module | Program | Share | Operation | Expand | Exists | Command | Job

#: Words that no shell changes.
WORDS = ("ECONTEXT_MODULE", "ECONTEXT_ARGUMENTS")

#: Source: `_execute_module` in `plugins/action/__init__.py`, 2.16 to 2.21.
_ASYNC_WRAPPER = "async_wrapper.py"
_TEMPORARY = re.compile(r"/ansible-tmp-[\d.]+-\d+-\d+/")
_FILES_OF_MODULE = re.compile(_TEMPORARY.pattern + r"(args|AnsiballZ_[^/]+)\Z")

_CHMOD = {"u+x": 0o100, "u+rx": 0o500, "u+rwx": 0o700}


def is_temporary(path: str) -> bool:
    """Whether this is of a task's own temporary directory, whose name no other one has."""
    return _TEMPORARY.search(path + "/") is not None


def is_of_module(path: str) -> bool:
    """Whether this is the path of a module's file, or of its arguments'."""
    return _FILES_OF_MODULE.search(path) is not None


class RecordingShell:
    """In front of the shell plugin that Ansible loaded (`recorded.specialise`)."""

    #: Where the wrapper of asynchronous jobs was put.
    _wrapper = ""
    #: What the last command that was built for a module runs.
    _program: Program | None = None

    @property
    def notes(self) -> dict[str, Note]:
        """What each command that was handed out is for."""
        return self.__dict__.setdefault(recording.NOTES + "commands", {})

    @property
    def _environments(self) -> dict[str, dict[str, str]]:
        return self.__dict__.setdefault(recording.NOTES + "environments", {})

    def _note(self, command: str, note: Note) -> str:
        self.notes[command] = note
        return command

    def note_of(self, command: str) -> Note | None:
        """What a command is for; None where that is not known."""
        note = self.notes.get(command)
        if note is None and self._wrapper in command.split():
            note = Job(command)
        if isinstance(note, Command | Job) and self.SHELL_FAMILY != "sh":  # type: ignore[attr-defined]
            return None  # in words that this shell alone takes
        return note

    def join_path(self, *args: str) -> str:
        # The command that starts an asynchronous job is not made by a shell plugin, but the
        # path of the wrapper that it runs is, in a directory whose name is used once.
        path: str = super().join_path(*args)  # type: ignore[misc]
        if args[-1] == _ASYNC_WRAPPER and _TEMPORARY.search(path):
            self._wrapper = path
        return path

    def env_prefix(self, **kwargs: Any) -> str:
        prefix: str = super().env_prefix(**kwargs)  # type: ignore[misc]
        self._environments[prefix.strip()] = {name: str(value) for name, value in kwargs.items()}
        return prefix

    def build_module_command(
        self, env_string: str, shebang: str | None, cmd: str, arg_path: str | None = None
    ) -> str:
        build: Any = super().build_module_command  # type: ignore[misc]
        command: str = build(env_string, shebang, cmd, arg_path)
        program = self._program = self._program_of(build, env_string, shebang, cmd, arg_path)
        if program is not None and cmd:
            self._note(command.strip(), program)
        environment = self._environments.get(env_string.strip())
        interpreter = (shebang or "").removeprefix("#!").strip()
        if not cmd and arg_path is None and environment is not None and interpreter:
            remote_tmp: str = self.get_option("remote_tmp")  # type: ignore[attr-defined]
            note = Module(self.spelled(interpreter), environment, remote_tmp, program)
            self._note(command.strip(), note)
        return command

    def _program_of(
        self, build: Any, environment: str, shebang: str | None, cmd: str, arg_path: str | None
    ) -> Program | None:
        executable = getattr(self, "executable", None)
        if not executable:
            return None
        words = WORDS[0] if cmd else "", WORDS[1] if arg_path else None
        return Program(
            executable,
            environment.strip(),
            build("", shebang, cmd, arg_path).strip(),
            tuple(path for path in (cmd, arg_path) if path),
            build("", shebang, *words).strip(),
            self.get_option("remote_tmp"),  # type: ignore[attr-defined]
        )

    def spelled(self, interpreter: str) -> str:
        """How a command says an interpreter: up to 2.18 as words, later as one that is quoted."""
        command: str = super().build_module_command("", f"#!{interpreter}", "")  # type: ignore[misc]
        return command.strip()

    def mkdtemp(
        self,
        basefile: str | None = None,
        system: bool = False,
        mode: int = 0o700,
        tmpdir: str | None = None,
    ) -> str:
        base = basefile or self._generate_temp_dir_name()  # type: ignore[attr-defined]
        command: str = super().mkdtemp(base, system, mode, tmpdir)  # type: ignore[misc]
        parent = self._parent(system, tmpdir)
        if mode != 0o700 or not _PLAIN.match(parent + base):
            return self._note(command, Command())
        path = self.join_path(parent, base)  # type: ignore[attr-defined]
        operation = Operation(("make_directory", parent, base), f"{base}={path}\n")
        return self._note(command, operation)

    def _parent(self, system: bool, tmpdir: str | None) -> str:
        """Where ShellBase.mkdtemp puts the directory."""
        if not system:
            return tmpdir or self.get_option("remote_tmp")  # type: ignore[attr-defined]
        allowed: list[str] = self.get_option("system_tmpdirs")  # type: ignore[attr-defined]
        tmpdir = tmpdir.rstrip("/") if tmpdir else tmpdir
        return tmpdir if tmpdir in allowed else allowed[0]

    def expand_user(self, user_home_path: str, username: str = "") -> str:
        command: str = super().expand_user(user_home_path, username)  # type: ignore[misc]
        path = user_home_path + username if user_home_path == "~" else user_home_path
        if path.startswith("~") and _PLAIN.match(path[1:] or "."):
            self._note(command, Expand(path))
        return command

    def chmod(self, paths: list[str], mode: str) -> str:
        command: str = super().chmod(paths, mode)  # type: ignore[misc]
        if mode in _CHMOD:
            return self._note(command, Operation(("add_owner_bits", list(paths), _CHMOD[mode])))
        return self._note(command, Command())

    def chown(self, paths: list[str], user: str) -> str:
        return self._note(super().chown(paths, user), Command())  # type: ignore[misc]

    def chgrp(self, paths: list[str], group: str) -> str:
        return self._note(super().chgrp(paths, group), Command())  # type: ignore[misc]

    def set_user_facl(self, paths: list[str], user: str, mode: str) -> str:
        command: str = super().set_user_facl(paths, user, mode)  # type: ignore[misc]
        return self._note(command, Share(self._program_in(paths)))

    def _program_in(self, paths: list[str]) -> Program | None:
        """The program that was built last, if these are its files and their directory."""
        if self._program is None or not self._program.paths:
            return None
        files = [posixpath.normpath(path) for path in self._program.paths]
        own = {*files, posixpath.dirname(files[0])}
        return self._program if set(map(posixpath.normpath, paths)) == own else None

    def remove(self, path: str, recurse: bool = False) -> str:
        command: str = super().remove(path, recurse)  # type: ignore[misc]
        if recurse:
            self._note(command, Operation(("remove", path)))
        return command

    def exists(self, path: str) -> str:
        return self._note(super().exists(path), Exists(path))  # type: ignore[misc]
