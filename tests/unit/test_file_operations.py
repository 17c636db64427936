"""Operations on files of the target, beside runs that tidy up."""

import errno
import os
import pathlib

import pytest

from ansible_econtext.target import file_operations


def test_a_directory_is_made_though_another_run_removes_its_parents(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makedirs = os.makedirs
    failures = [1]

    def removed_meanwhile(path: str, *arguments: object, **keywords: object) -> None:
        if failures:
            failures.pop()
            raise OSError(errno.ENOENT, "another run has removed ~/.ansible")
        makedirs(path, *arguments, **keywords)

    monkeypatch.setattr(file_operations.os, "makedirs", removed_meanwhile)
    parent = str(tmp_path / ".ansible" / "tmp")
    assert file_operations.make_directory(parent, "one") == [parent, str(tmp_path / ".ansible")]
    assert os.path.isdir(os.path.join(parent, "one"))


def test_a_directory_that_can_never_be_made_is_an_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed(*arguments: object) -> None:
        raise OSError(errno.ENOENT, "gone")

    monkeypatch.setattr(file_operations.os, "makedirs", removed)
    with pytest.raises(OSError):
        file_operations.make_directory(str(tmp_path / "a" / "b"), "one")
