"""ansible-core's source archive and a virtual environment for it, both below .venv/.

The archive has the integration targets and ansible-test, but not the `bin` directory of
the repository that ansible-test expects to find; it is made here.
"""

from __future__ import annotations

import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys

#: Where ansible-test lists the variables that it lets through to targets; ours go before it.
_LET_THROUGH = "        'ANSIBLE_KEEP_REMOTE_FILES',\n"

#: The environment variables of ours.
VARIABLES = (
    "ANSIBLE_STRATEGY",
    "ANSIBLE_STRATEGY_PLUGINS",
    "ANSIBLE_CONNECTION_PLUGINS",
    "ANSIBLE_ECONTEXT_TRACE",
)


class Tree:
    """An unpacked source archive, ready for ansible-test."""

    def __init__(self, root: pathlib.Path, python: pathlib.Path) -> None:
        self.root = root
        self.python = python
        self._targets = root / "test" / "integration" / "targets"

    @property
    def commands(self) -> pathlib.Path:
        """The directory that ansible-test puts first into PATH."""
        return self.root / "bin"

    @property
    def key(self) -> pathlib.Path:
        """Where ansible-test looks first for its ssh key."""
        return self.root / "test" / "results" / ".tmp" / "id_rsa"

    def has(self, target: str) -> bool:
        return (self._targets / target).is_dir()


def prepare(checkout: pathlib.Path, version: str) -> Tree:
    """Make whatever of it is missing."""
    subprocess.run([checkout / "tests" / "upstream" / "tools"], check=True, stdout=sys.stderr)
    directory = checkout / ".venv" / f"upstream-{version}"
    python = directory / "bin" / "python"
    if not (directory / "ready").exists():
        _say(f"making {directory.relative_to(checkout)}")
        make = [checkout / "scripts" / "venv", directory, f"ansible-core=={version}.*"]
        subprocess.run(make, check=True, env={**os.environ, "PYTHON": sys.executable})
        (directory / "ready").touch()
    root = directory / "source"
    if not root.exists():
        _unpack(_download(python, directory), root)
    tree = Tree(root, python)
    _make_commands(tree)
    _show_packages(tree)
    _let_variables_through(tree)
    return tree


def _download(python: pathlib.Path, directory: pathlib.Path) -> pathlib.Path:
    """The archive of the release that is installed."""
    script = "from ansible.release import __version__; print(__version__)"
    version = subprocess.check_output([python, "-c", script], text=True).strip()
    _say(f"downloading the source archive of ansible-core {version}")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "-q", "download"]
    options = ["--no-deps", "--no-binary", "ansible-core", "-d", directory]
    subprocess.run([*pip, *options, f"ansible-core=={version}"], check=True)
    return next(directory.glob(f"ansible[-_]core-{version}.tar.gz"))


def _unpack(archive: pathlib.Path, root: pathlib.Path) -> None:
    partial = root.with_name("unpacking")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    subprocess.run(["tar", "-xzf", archive, "--no-same-owner", "-C", partial], check=True)
    next(partial.iterdir()).rename(root)
    partial.rmdir()


def _make_commands(tree: Tree) -> None:
    """The links of the repository's `bin` directory, as ansible-test lists them."""
    constants = tree.root / "test" / "lib" / "ansible_test" / "_internal" / "constants.py"
    listed = re.search(
        r"^ANSIBLE_BIN_SYMLINK_MAP = (\{.*?^\})", constants.read_text(encoding="utf-8"), re.M | re.S
    )
    assert listed, "this ansible-test is of a form that is not known here"
    tree.commands.mkdir(exist_ok=True)
    for name, target in ast.literal_eval(listed[1]).items():
        link = tree.commands / name
        if not link.is_symlink():
            link.unlink(missing_ok=True)  # older archives have copies there
            link.symlink_to(target)
            link.resolve(strict=True).chmod(0o755)


def _show_packages(tree: Tree) -> None:
    """Have the virtual environments that targets make see the packages of ours.

    They are made to see the interpreter's own, which is where ansible-test's containers
    have ansible-core's requirements.
    """
    script = tree.root / "test/lib/ansible_test/_util/target/injector/virtualenv.sh"
    packages = next(tree.python.parents[1].glob("lib/python*/site-packages"))
    line = (
        'for directory in "${OUTPUT_DIR}"/venv/lib/python*/site-packages; do '
        f"echo '{packages}' >\"$directory/ours.pth\"; done\n"
    )
    text = script.read_text(encoding="utf-8")
    if not text.endswith(line):
        script.write_text(text + line, encoding="utf-8")


def _let_variables_through(tree: Tree) -> None:
    """Have ansible-test pass on our environment variables.

    A configuration file would lose to the one that a target brings.
    """
    script = tree.root / "test/lib/ansible_test/_internal/util.py"
    text = script.read_text(encoding="utf-8")
    ours = "".join(f"        '{name}',\n" for name in VARIABLES)
    if ours not in text:
        assert _LET_THROUGH in text, "this ansible-test is of a form that is not known here"
        script.write_text(text.replace(_LET_THROUGH, ours + _LET_THROUGH), encoding="utf-8")


def _say(text: str) -> None:
    print(f"tests/upstream: {text}", file=sys.stderr, flush=True)
