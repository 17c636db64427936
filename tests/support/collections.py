"""Collections of the community package `ansible`, as PyPI has it."""

from __future__ import annotations

import fcntl
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import pytest

#: Its collections are for ansible-core 2.16 to 2.21.
PACKAGE = "ansible==11.13.0"
_CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def directory(*wanted: str) -> pathlib.Path:
    """A directory for ANSIBLE_COLLECTIONS_PATH with these parts of collections; kept in .venv/.

    A part is a path below ansible_collections/. Skips the test where there is no such package.
    """
    kept = _CHECKOUT / ".venv" / "collections"
    kept.mkdir(parents=True, exist_ok=True)
    with open(kept / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = kept / PACKAGE.replace("==", "-") / "-".join(wanted).replace("/", ".")
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=kept) as scratch:
                _extract(pathlib.Path(scratch), wanted)
                made.parent.mkdir(exist_ok=True)
                (pathlib.Path(scratch) / "found").rename(made)
    return made


def _extract(scratch: pathlib.Path, wanted: tuple[str, ...]) -> None:
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(scratch), PACKAGE]
    run = subprocess.run(pip, capture_output=True, text=True, timeout=300)
    if run.returncode != 0:
        pytest.skip(f"needs {PACKAGE}: {run.stderr.strip()}")
    [wheel] = scratch.glob("*.whl")
    parts = tuple(f"ansible_collections/{part}/" for part in wanted)
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(parts)]
        archive.extractall(scratch / "found", names)
