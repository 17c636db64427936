"""What is noted of the commands that a shell plugin makes for modules."""

import pytest

pytest.importorskip("ansible.release")

from ansible.plugins.shell.sh import ShellModule  # noqa: E402

from ansible_econtext.connection import recording  # noqa: E402
from ansible_econtext.connection import shell as notes  # noqa: E402

DIRECTORY = "/home/one/.ansible/tmp/ansible-tmp-1700000000.5-1-2"
MODULE = f"{DIRECTORY}/AnsiballZ_it.sh"
ARGUMENTS = f"{DIRECTORY}/args"


class Stock(ShellModule):
    def get_option(self, option, hostvars=None):
        return {"remote_tmp": "~/.ansible/tmp", "environment": []}[option]


@pytest.fixture
def shell():
    made = recording.specialise(Stock(), notes.RecordingShell, notes={}, environments={})
    made.executable = "/bin/sh"
    return made


def build(shell, shebang, module, arguments, **environment):
    prefix = shell.env_prefix(**environment)
    return shell.build_module_command(prefix, shebang, module, arguments).strip()


def test_a_program_is_noted_with_words_in_place_of_its_paths(shell):
    command = build(shell, "#!/bin/bash", MODULE, ARGUMENTS, ONE="it's")
    program = shell.note_of(command)
    assert program.paths == (MODULE, ARGUMENTS)
    assert program.template == "/bin/bash ECONTEXT_MODULE ECONTEXT_ARGUMENTS"
    assert f"{program.environment} {program.command}" == command
    assert program.command == f"/bin/bash {MODULE} {ARGUMENTS}"


def test_a_program_without_an_interpreter_or_arguments(shell):
    program = shell.note_of(build(shell, None, MODULE, None))
    assert (program.paths, program.template) == ((MODULE,), "ECONTEXT_MODULE")
    assert (program.environment, program.command) == ("", MODULE)


def test_a_module_on_standard_input_is_noted_as_a_program_too(shell):
    note = shell.note_of(build(shell, "#!/usr/bin/python3", "", None, PYTHONPATH="/nowhere"))
    assert note.environment == {"PYTHONPATH": "/nowhere"}
    assert note.program.paths == ()
    assert note.program.template == note.program.command == "/usr/bin/python3"
    assert note.program.environment == "PYTHONPATH=/nowhere"


def test_without_a_shell_there_is_no_program(shell):
    shell.executable = None
    assert shell.note_of(build(shell, "#!/bin/bash", MODULE, ARGUMENTS)) is None


@pytest.mark.parametrize(
    ("paths", "known"),
    [
        ([f"{DIRECTORY}/", ARGUMENTS, MODULE], True),
        ([f"{DIRECTORY}/", ARGUMENTS, MODULE, f"{DIRECTORY}/source"], False),
        ([f"{DIRECTORY}/", f"{DIRECTORY}/source"], False),
        ([MODULE], False),
    ],
)
def test_files_that_are_shared_are_known_as_those_of_the_program(shell, paths, known):
    """Only when all of them are, and nothing else is."""
    program = shell.note_of(build(shell, "#!/bin/bash", MODULE, ARGUMENTS))
    note = shell.note_of(shell.set_user_facl(paths, "other", "r-x"))
    assert note == notes.ShareNote(program if known else None)


def test_files_are_of_no_program_that_comes_on_standard_input(shell):
    build(shell, "#!/usr/bin/python3", "", None)
    note = shell.note_of(shell.set_user_facl([f"{DIRECTORY}/"], "other", "r-x"))
    assert note == notes.ShareNote(None)


@pytest.mark.parametrize("place", [DIRECTORY, f"{DIRECTORY}/", f"{DIRECTORY}/source"])
def test_operations_on_temporary_files_may_wait(shell, place):
    assert isinstance(shell.note_of(shell.chmod([place], "u+x")), notes.OperationNote)
    assert isinstance(shell.note_of(shell.remove(place, recurse=True)), notes.OperationNote)


@pytest.mark.parametrize("place", ["/etc", "/etc/hosts", f"{DIRECTORY}-more", "/ansible-tmp-1"])
def test_operations_elsewhere_do_not_wait(shell, place):
    assert shell.note_of(shell.chmod([DIRECTORY, place], "u+x")) == notes.CommandNote()
    assert shell.note_of(shell.remove(place, recurse=True)) is None


@pytest.mark.parametrize(
    ("path", "is_of_module"),
    [
        (MODULE, True),
        (ARGUMENTS, True),
        (f"{DIRECTORY}/source", False),
        (f"{DIRECTORY}/.source.txt", False),
        (f"{DIRECTORY}/deeper/args", False),
        ("/home/one/args", False),
        ("/home/one/AnsiballZ_it.sh", False),
    ],
)
def test_the_files_of_modules_are_known_by_their_place(path, is_of_module):
    assert notes.is_of_module(path) is is_of_module
