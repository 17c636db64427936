"""Which folders may import which: a file's folder says in which process it runs.

CONTRIBUTING.rst draws the same.
"""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = "ansible_econtext"
FILES = sorted(ROOT.glob(f"{PACKAGE}/**/*.py"))

#: What each folder may import besides itself; a file in no folder is an entry.
ALLOWED = {
    "core": set(),
    "patches": {"core"},
    "client": {"core"},
    "payload": {"client", "core"},
    "pipeline": {"payload", "client", "core"},
    "connection": {"pipeline", "payload", "client", "core"},
    "workers": {"connection", "pipeline", "payload", "client", "core", "patches"},
    "target": set(),
    "broker": {"client"},
}

#: All that the broker imports of a client: what the two say to each other, how a slave is reached,
#: and where the two meet.  None of these imports the rest of `client`, or Ansible.
OF_BROKER = {"client.messages", "client.route", "client.rendezvous"}

#: What those import of this package besides each other.
BELOW_THOSE = {"client.record"}

#: What all but `target` may import: it imports nothing of this package.
OF_ALL = {"settings"}


def folder(path: pathlib.Path) -> str:
    parts = path.relative_to(ROOT / PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def imported(path: pathlib.Path) -> set[str]:
    """The modules of this package that a file imports, without the package's name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    ours = {name.removeprefix(f"{PACKAGE}.") for name in found if name.startswith(f"{PACKAGE}.")}
    return {".".join(name.split(".")[:2]) for name in ours}


def test_each_folder_is_known():
    assert {folder(path) for path in FILES} == {"", *ALLOWED}


def test_settings_import_nothing_of_ours():
    assert not imported(ROOT / PACKAGE / "settings.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    own = folder(path)
    if not own:
        return
    others = {name for name in imported(path) if name.split(".")[0] != own}
    others -= OF_ALL if own != "target" else set()
    assert {name.split(".")[0] for name in others} <= ALLOWED[own], others
    if own == "broker":
        assert others <= OF_BROKER


@pytest.mark.parametrize("name", sorted(OF_BROKER | BELOW_THOSE))
def test_what_a_broker_shares_with_a_client_imports_no_client(name):
    path = ROOT / PACKAGE / f"{name.replace('.', '/')}.py"
    assert imported(path) <= OF_BROKER | BELOW_THOSE


#: The product, but for `plugins/`, whose names are ansible-core's.
PRODUCT = [*FILES, *sorted(ROOT.glob("econtext/**/*.py"))]

#: Names that stand twice: in the connection or the messages, and in the library.
MEET = {"errors", "Command", "Module"}


def twice(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


def test_no_name_of_a_file_stands_twice():
    names = [path.stem for path in PRODUCT if path.name != "__init__.py"]
    assert not twice(names) - MEET


def test_no_name_of_a_class_stands_twice():
    names = [
        node.name
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert not twice(names) - MEET


@pytest.mark.parametrize("name", ["client", "broker"])
def test_folders_that_a_broker_imports_have_empty_init_files(name):
    """Its start is measured."""
    assert (ROOT / PACKAGE / name / "__init__.py").read_text() == ""
