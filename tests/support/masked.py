"""Interpreters without some of what is Linux's own (`mask.py`), made of real ones.

Each has a directory with a copy of the program, with links to the standard library, and with one
module of that which is its own and puts the masks on: `encodings`, which a Python 3 reads in each
start, also with -I and -S, as a broker's does; with Python 2 `os`.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

import pytest

from tests.process import pythons

from . import mask

TESTS = pathlib.Path(__file__).resolve().parents[1]

_LOOK = """
import json, os, site, sys
library = os.path.dirname(os.__file__)
version = "python%d.%d" % sys.version_info[:2]
more = [path for path in sys.path if path.endswith("-packages") and os.path.isdir(path)]
print(json.dumps([os.path.realpath(sys.executable), library, version, more]))
"""


def python(real: str, root: pathlib.Path, masks: Sequence[str]) -> str:
    """Make an interpreter in the directory `root`, and return its path."""
    look = subprocess.run([real, "-c", _LOOK], capture_output=True, text=True, check=True)
    program, library, version, packages = json.loads(look.stdout)
    own = root / "lib" / version
    (own / "site-packages").mkdir(parents=True)
    # Debian's looks there, and nowhere else.
    (root / "lib" / "python3").mkdir()
    (root / "lib" / "python3" / "dist-packages").symlink_to(own / "site-packages")
    first = "os.py" if version == "python2.7" else "encodings/__init__.py"
    _link(pathlib.Path(library), own, {"encodings", "site-packages", "dist-packages", first})
    (own / "encodings").mkdir()
    others = {"__pycache__", pathlib.PurePath(first).name}
    _link(pathlib.Path(library, "encodings"), own / "encodings", others)
    source = pathlib.Path(library, first).read_text("latin-1")
    (own / first).write_text(f"import _mask\n{source}", "latin-1")
    text = pathlib.Path(mask.__file__).read_text("utf-8")
    text = text.replace("MASKS = ()", f"MASKS = {tuple(masks)!r}", 1)
    text = text.replace('TESTS = "/"', f"TESTS = {f'{TESTS}/'!r}", 1)
    (own / "_mask.py").write_text(f"{text}\n\nbegin()\n", "utf-8")
    (own / "site-packages" / "real.pth").write_text("".join(f"{path}\n" for path in packages))
    made = root / "bin" / "python"
    made.parent.mkdir()
    shutil.copy(program, made)
    for name in (version, version.partition(".")[0]):
        (made.parent / name).symlink_to("python")
    _scripts(pathlib.Path(real).parent, made)
    return str(made)


def _link(real: pathlib.Path, own: pathlib.Path, others: set[str]) -> None:
    for path in real.iterdir():
        if path.name not in others:
            (own / path.name).symlink_to(path)


def _scripts(real: pathlib.Path, made: pathlib.Path) -> None:
    """Make Ansible's programs, where the real interpreter has them."""
    for path in real.glob("ansible*"):
        head, _, rest = path.read_text("utf-8").partition("\n")
        if head.startswith("#!") and "python" in head:
            (made.parent / path.name).write_text(f"#!{made}\n{rest}", "utf-8")
            (made.parent / path.name).chmod(0o755)


@contextlib.contextmanager
def environment(masks: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """A masked interpreter for pytest, and variables by which targets have such ones too."""
    with tempfile.TemporaryDirectory(prefix="ectx-m-", dir="/tmp") as directory:
        root = pathlib.Path(directory)
        root.chmod(0o755)  # other accounts run the target's
        for name in pythons.MATRIX:
            if path := pythons.path(name):
                python(path, root / "versions" / name, masks)
        system = shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin") or sys.executable
        variables = {
            **os.environ,
            "PYENV_ROOT": directory,
            "XDG_CACHE_HOME": directory,  # what is kept of stock Ansible goes with the masks
            "ECONTEXT_TEST_MASKS": " ".join(masks),
            "ECONTEXT_TEST_INTERPRETER": python(system, root / "target", masks),
        }
        yield python(sys.executable, root / "controller", masks), variables


def need(name: str) -> None:
    """Skip a test of what the documents call lost where this mask is on."""
    if name in os.environ.get("ECONTEXT_TEST_MASKS", "").split():
        pytest.skip(f"cannot hold with the mask {name}")
