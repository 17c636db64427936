"""Operations that wait, and files of modules among them."""

import json

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.connection.deferred_operations import DeferredOperations  # noqa: E402

TOP = "/home/one/.ansible/tmp"
DIRECTORY = f"{TOP}/ansible-tmp-1"
MODULE = f"{DIRECTORY}/AnsiballZ_it.sh"
ARGUMENTS = f"{DIRECTORY}/args"

MAKE = ("make_directory", TOP, "ansible-tmp-1")
WRITE = ("write", MODULE, b"#!/bin/sh\n", 0o644)
WRITE_ARGUMENTS = ("write", ARGUMENTS, b"{}", 0o644)
# As ansible-core says it: the directory with a slash behind it.
CHMOD = ("add_owner_bits", [f"{DIRECTORY}/", ARGUMENTS, MODULE], 0o700)
REMOVE = ("remove", f"{DIRECTORY}/")
OTHER = ("write", "/home/one/other", b"", 0o644)


@pytest.fixture
def waiting():
    made = DeferredOperations()
    for operation in (MAKE, WRITE, OTHER, WRITE_ARGUMENTS, CHMOD):
        made.add(operation)
    return made


def operations(waiting):
    return [held.operation for held in waiting.take()]


def test_operations_keep_their_order(waiting):
    assert operations(waiting) == [MAKE, WRITE, OTHER, WRITE_ARGUMENTS, CHMOD]
    assert not waiting


def test_what_was_put_back_comes_first(waiting):
    held = waiting.take()
    waiting.add(REMOVE)
    waiting.put_back(held)
    assert operations(waiting)[0] == MAKE


def test_the_contents_of_files_are_known(waiting):
    assert waiting.contents([MODULE, ARGUMENTS]) == [b"#!/bin/sh\n", b"{}"]
    waiting.add(("write", MODULE, b"another", 0o644))
    assert waiting.contents([MODULE]) == [b"another"]


def test_files_on_the_host_are_not_known(waiting):
    assert waiting.contents([MODULE, f"{DIRECTORY}/more"]) is None
    waiting.take()
    assert waiting.contents([MODULE]) is None


def test_a_file_is_known_by_the_name_that_ansible_core_has_for_it(waiting):
    waiting.add(("write", "/real/path", b"text", 0o644), "/link/path")
    assert waiting.contents(["/link/path"]) == [b"text"]
    assert waiting.contents(["/real/path"]) is None


def test_a_directory_is_set_aside_and_comes_back(waiting):
    with waiting.without(DIRECTORY):
        assert operations(waiting) == [OTHER]
    assert operations(waiting) == [MAKE, WRITE, WRITE_ARGUMENTS, CHMOD]


def test_a_directory_comes_back_after_a_failure(waiting):
    with pytest.raises(OSError), waiting.without(DIRECTORY):
        raise OSError
    assert len(waiting.take()) == 5


def test_what_was_never_made_is_not_removed(waiting):
    waiting.add(REMOVE)
    assert operations(waiting) == [OTHER]


def test_what_was_made_is_removed(waiting):
    waiting.take()
    waiting.add(WRITE)
    waiting.add(REMOVE)
    assert operations(waiting) == [REMOVE]


def test_a_directory_that_is_mixed_with_others_is_made_and_removed():
    waiting = DeferredOperations()
    both = ("add_owner_bits", [DIRECTORY, "/home/one/other"], 0o700)
    for operation in (MAKE, both, REMOVE):
        waiting.add(operation)
    assert operations(waiting) == [MAKE, both, REMOVE]


def test_a_name_that_begins_alike_is_another(waiting):
    waiting.take()
    beside = ("write", f"{DIRECTORY}0/args", b"", 0o644)
    waiting.add(beside)
    waiting.add(REMOVE)
    assert operations(waiting) == [beside, REMOVE]


def parameters(**arguments):
    return json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()


@pytest.fixture
def unmade():
    made = DeferredOperations()
    for operation in (MAKE, WRITE, CHMOD):
        made.add(operation)
    return made


def test_files_in_a_directory_to_be_made_are_hidden(unmade):
    assert unmade.are_hidden_from(parameters(path="/etc/motd", _ansible_tmpdir=DIRECTORY))
    assert unmade.are_hidden_from(parameters(path="/not utf-8/").replace(b"not", b"\xff"))


@pytest.mark.parametrize(
    "path", [MODULE, f"{TOP}/../tmp/ansible-tmp-1", "~/.ansible/tmp/ansible-tmp-1/"]
)
def test_a_file_that_a_module_names_is_not_hidden(unmade, path):
    assert not unmade.are_hidden_from(parameters(path=path))


def test_a_file_outside_is_not_hidden(unmade):
    unmade.add(OTHER)
    assert not unmade.are_hidden_from(parameters(path="/etc/motd"))


def test_a_file_in_a_directory_that_was_made_is_not_hidden():
    made = DeferredOperations()
    made.add(WRITE)
    assert not made.are_hidden_from(parameters(path="/etc/motd"))


def test_where_nothing_waits_nothing_is_hidden_from_anyone():
    assert DeferredOperations().are_hidden_from(b"")
