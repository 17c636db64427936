"""Homes that targets leave behind: the next account by such a name could not use them."""

from __future__ import annotations

import contextlib
import pathlib
import pwd
import shutil
from collections.abc import Iterator

_HOMES = pathlib.Path("/home")


@contextlib.contextmanager
def removed() -> Iterator[None]:
    """Remove those that appear meanwhile and whose account is gone at the end."""
    before = set(_directories())
    try:
        yield
    finally:
        for home in set(_directories()) - before:
            if not _has_account(home):
                shutil.rmtree(home, ignore_errors=True)


def _directories() -> list[pathlib.Path]:
    return list(_HOMES.iterdir()) if _HOMES.is_dir() else []


def _has_account(home: pathlib.Path) -> bool:
    try:
        pwd.getpwuid(home.stat().st_uid)
    except KeyError:
        return False
    except OSError:
        pass  # it is gone by now
    return True
