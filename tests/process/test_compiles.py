"""Law 1, by the interpreters themselves: what is shipped compiles on each that is here."""

import pathlib
import subprocess

import pytest

from . import pythons

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ("econtext/target", "ansible_econtext/target")
COMPILE = """
import sys
for path in sys.argv[1:]:
    with open(path, "rb") as source:
        compile(source.read(), path, "exec", 0, True)
"""


@pytest.mark.parametrize("version", sorted(pythons.found()), ids=lambda v: f"{v[0]}.{v[1]}")
def test_shipped_code_compiles(version):
    files = [str(path) for package in PACKAGES for path in (ROOT / package).glob("**/*.py")]
    assert len(files) > 10
    done = subprocess.run(
        [pythons.found()[version], "-W", "error", "-c", COMPILE, *files],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
