"""What a broker imports before it listens: a run's first result waits for it."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]

#: Each takes milliseconds, some with all that they import in turn.
NOT_YET = {
    "ast",
    "base64",
    "ctypes",
    "dataclasses",
    "importlib.resources",
    "importlib.util",
    "inspect",
    "json",
    "pathlib",
    "shutil",
    "zipfile",
    "ansible_econtext.broker.payload_minify",
    "ansible_econtext.broker.handlers",
    "econtext.controller.causes",
}


def test_a_broker_imports_little():
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}]\n"
        "import ansible_econtext.broker.server; print(*sys.modules)"
    )
    command = [sys.executable, "-IS", "-c", code]
    imported = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "ansible_econtext.broker.slave_pool" in imported.stdout.split()
    assert not NOT_YET & set(imported.stdout.split())
