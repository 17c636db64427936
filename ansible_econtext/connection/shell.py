"""Shell plugin that leaves a note of what each of its commands is for.

Source: `ShellBase` in ansible-core's `plugins/shell/__init__.py`, whose methods
have had these signatures from 2.16 to 2.21.  From 2.19 on ansible-core calls
`_mkdtemp2` and `_expand_user2`, which call the methods here.
"""

import posixpath
import re
from typing import Any, NamedTuple

from ansible_econtext.client.messages import Operation
from ansible_econtext.core.stock_classes import StockShell

#: A path in which a shell would expand nothing.
_PLAIN = re.compile(r"[\w@%+=:,./-]+\Z")


class ProgramNote(NamedTuple):
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


class ModuleNote(NamedTuple):
    """Run the text on standard input with this interpreter, as a shell takes it."""

    interpreter: str
    environment: dict[str, str]
    #: Where modules make their temporary files.
    remote_tmp: str
    #: For a text that is no payload.
    program: ProgramNote | None


class ShareNote(NamedTuple):
    """Let another account read the files of a program that is about to be run."""

    program: ProgramNote | None


class OperationNote(NamedTuple):
    """Do a file operation, whose output is known before it ran."""

    operation: Operation
    output: str = ""


class ExpandNote(NamedTuple):
    """Print a path that begins with a tilde."""

    path: str


class ExistsNote(NamedTuple):
    """Tell by the exit status whether a path exists."""

    path: str


class CommandNote(NamedTuple):
    """Run the command, which needs no terminal and reads no input."""


class JobNote(NamedTuple):
    """Start an asynchronous job, which outlives the process that starts it."""

    command: str


Note = (
    ModuleNote
    | ProgramNote
    | ShareNote
    | OperationNote
    | ExpandNote
    | ExistsNote
    | CommandNote
    | JobNote
)

#: Words that no shell changes.
WORDS = ("ECONTEXT_MODULE", "ECONTEXT_ARGUMENTS")

#: Source: `_execute_module` in `plugins/action/__init__.py`, 2.16 to 2.21.
_ASYNC_WRAPPER = "async_wrapper.py"
_TEMPORARY = re.compile(r"/ansible-tmp-[\d.]+-\d+-\d+(?:/|\Z)")
_FILES_OF_MODULE = re.compile(_TEMPORARY.pattern + r"(args|AnsiballZ_[^/]+)\Z")

_CHMOD = {"u+x": 0o100, "u+rx": 0o500, "u+rwx": 0o700}


def is_of_module(path: str) -> bool:
    """Return whether this is the path of a module's file, or of its arguments'."""
    return _FILES_OF_MODULE.search(path) is not None


def is_temporary(path: str) -> bool:
    """Return whether this is a task's temporary directory, or a path in it.

    Operations elsewhere may not wait: an action of others may look at their result, or end.
    """
    return _TEMPORARY.search(path) is not None


class RecordingShell(StockShell):
    """Mixin for the shell plugin that Ansible loaded (`recording.specialise`)."""

    #: The note of each command that was made, and the variables of each prefix.
    notes: dict[str, Note]
    environments: dict[str, dict[str, str]]
    #: Path of the wrapper of asynchronous jobs.
    _wrapper = ""
    #: Program that the last command for a module runs.
    _program: ProgramNote | None = None

    def _note(self, command: str, note: Note) -> str:
        self.notes[command] = note
        return command

    def note_of(self, command: str) -> Note | None:
        """Return the note of a command; None if it has none, or if /bin/sh cannot run it."""
        note = self.notes.get(command)
        if note is None and self._wrapper in command.split():
            note = JobNote(command)
        is_text = isinstance(note, CommandNote | JobNote)  # which /bin/sh is to run
        return None if is_text and self.SHELL_FAMILY != "sh" else note

    def join_path(self, *args: str) -> str:
        # A shell plugin does not make the command that starts an asynchronous job, but the path of
        # the wrapper that it runs, in a directory whose name is used once.
        path = super().join_path(*args)
        if args[-1] == _ASYNC_WRAPPER and _TEMPORARY.search(path):
            self._wrapper = path
        return path

    def env_prefix(self, **kwargs: Any) -> str:
        prefix = super().env_prefix(**kwargs)
        self.environments[prefix.strip()] = {name: str(value) for name, value in kwargs.items()}
        return prefix

    def build_module_command(
        self, env_string: str, shebang: str | None, cmd: str, arg_path: str | None = None
    ) -> str:
        command = super().build_module_command(env_string, shebang, cmd, arg_path)
        program = self._program = self._program_of(env_string, shebang, cmd, arg_path)
        if program is not None and cmd:
            self._note(command.strip(), program)
        environment = self.environments.get(env_string.strip())
        interpreter = (shebang or "").removeprefix("#!").strip()
        if not cmd and arg_path is None and environment is not None and interpreter:
            remote_tmp = self.get_option("remote_tmp")
            note = ModuleNote(self.spelled(interpreter), environment, remote_tmp, program)
            self._note(command.strip(), note)
        return command

    def _program_of(
        self, environment: str, shebang: str | None, cmd: str, arg_path: str | None
    ) -> ProgramNote | None:
        """Return the program of a command for a module; None if the shell has no executable."""
        executable = getattr(self, "executable", None)
        if not executable:
            return None
        build = super().build_module_command
        words = WORDS[0] if cmd else "", WORDS[1] if arg_path else None
        return ProgramNote(
            executable,
            environment.strip(),
            build("", shebang, cmd, arg_path).strip(),
            tuple(path for path in (cmd, arg_path) if path),
            build("", shebang, *words).strip(),
            self.get_option("remote_tmp"),
        )

    def spelled(self, interpreter: str) -> str:
        """Return an interpreter as commands have it: bare up to 2.18, later quoted."""
        return super().build_module_command("", f"#!{interpreter}", "").strip()

    def mkdtemp(
        self,
        basefile: str | None = None,
        system: bool = False,
        mode: int = 0o700,
        tmpdir: str | None = None,
    ) -> str:
        base = basefile or self._generate_temp_dir_name()
        command = super().mkdtemp(base, system, mode, tmpdir)
        parent = self._parent(system, tmpdir)
        if mode != 0o700 or not _PLAIN.match(parent + base):
            return self._note(command, CommandNote())
        path = self.join_path(parent, base)
        note = OperationNote(("make_directory", parent, base), f"{base}={path}\n")
        return self._note(command, note)

    def _parent(self, system: bool, tmpdir: str | None) -> str:
        """Return the directory in which ShellBase.mkdtemp makes its own."""
        if not system:
            return tmpdir or self.get_option("remote_tmp")
        allowed: list[str] = self.get_option("system_tmpdirs")
        tmpdir = tmpdir.rstrip("/") if tmpdir else tmpdir
        return tmpdir if tmpdir in allowed else allowed[0]

    def expand_user(self, user_home_path: str, username: str = "") -> str:
        command = super().expand_user(user_home_path, username)
        path = user_home_path + username if user_home_path == "~" else user_home_path
        if path.startswith("~") and _PLAIN.match(path[1:] or "."):
            self._note(command, ExpandNote(path))
        return command

    def chmod(self, paths: list[str], mode: str) -> str:
        command = super().chmod(paths, mode)
        if mode not in _CHMOD or not all(map(is_temporary, paths)):
            return self._note(command, CommandNote())
        return self._note(command, OperationNote(("add_owner_bits", list(paths), _CHMOD[mode])))

    def chown(self, paths: list[str], user: str) -> str:
        return self._note(super().chown(paths, user), CommandNote())

    def chgrp(self, paths: list[str], group: str) -> str:
        return self._note(super().chgrp(paths, group), CommandNote())

    def set_user_facl(self, paths: list[str], user: str, mode: str) -> str:
        command = super().set_user_facl(paths, user, mode)
        return self._note(command, ShareNote(self._program_in(paths)))

    def _program_in(self, paths: list[str]) -> ProgramNote | None:
        """Return the last command's program if these are its files and their directory."""
        if self._program is None or not self._program.paths:
            return None
        files = [posixpath.normpath(path) for path in self._program.paths]
        own = {*files, posixpath.dirname(files[0])}
        return self._program if set(map(posixpath.normpath, paths)) == own else None

    def remove(self, path: str, recurse: bool = False) -> str:
        command = super().remove(path, recurse)
        if recurse and is_temporary(path):
            self._note(command, OperationNote(("remove", path)))
        return command

    def exists(self, path: str) -> str:
        return self._note(super().exists(path), ExistsNote(path))
