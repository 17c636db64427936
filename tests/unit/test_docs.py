"""What the documents name is there, and what they promise to name is named."""

import os
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

import econtext
from econtext.controller import causes

from . import test_layers

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.rst", *sorted(ROOT.glob("docs/*.rst"))]

#: Folders of the repository; a path that begins with one of them is a path of ours.
FOLDERS = "ansible_econtext|bench|changelogs|docs|econtext|examples|meta|plugins|scripts|tests"
PATH = re.compile(rf"(?<![\w/.~-])(?:{FOLDERS})/[\w./*-]*")
#: A file of which the folder is not said.
BARE = re.compile(r"(?<![\w/.*-])[a-z_]\w*\.(?:py|rst|md)\b")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def by_name(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


# Paths


@by_name(PAGES)
def test_each_path_exists(path):
    named = {found.rstrip(".") for found in PATH.findall(path.read_text(encoding="utf-8"))}
    assert not [name for name in sorted(named) if not list(ROOT.glob(name))]


@by_name(PAGES)
def test_each_file_is_named_with_its_folder(path):
    """Names of files are found by a search for the whole path."""
    named = set(BARE.findall(path.read_text(encoding="utf-8")))
    assert not [name for name in sorted(named) if not (ROOT / name).is_file()]


# docs/compatibility.rst


def compared_rows() -> list[list[str]]:
    """Return the rows of the table of what is as in the stock way: what, as, and the tests."""
    table = re.search(
        r"^As in the stock way.*?\n(?=What goes)", text("docs/compatibility.rst"), re.S | re.M
    )
    assert table is not None
    rows = re.split(r"^   \* - ", table[0], flags=re.M)[2:]  # behind the text and the heads
    return [re.split(r"\n     - ", row) for row in rows]


def test_each_row_of_what_is_compared_names_a_test():
    for what, _, tests in compared_rows():
        assert "``tests/" in tests, what


def test_few_rows_differ_and_each_says_why():
    said = [how.strip() for _, how, _ in compared_rows()]
    differing = [how for how in said if how not in ("stock", "pipelining")]
    assert all(how.startswith("differs: ") for how in differing)
    assert 0 < len(differing) < 10


# docs/glossary.rst


def entries() -> dict[str, str]:
    found = re.findall(r"^(\w.*)\n((?:   .+\n)+)", text("docs/glossary.rst"), re.M)
    assert len({term for term, _ in found}) == len(found), "a term stands twice"
    return {term: " ".join(definition.split()) for term, definition in found}


#: What the design speaks of on every page.
TERMS = [
    *("account", "broker", "bundle", "call", "call process", "carrier", "context", "controller"),
    *("endpoint", "fork gate", "hop", "launcher", "moving a task", "multiplexer", "payload"),
    *("pipeline", "request", "route", "router", "sequence", "session", "slave", "slot", "spare"),
    *("target", "task thread", "warm process"),
]


@pytest.mark.parametrize("term", TERMS)
def test_each_term_is_an_entry(term):
    assert term in entries()


def test_terms_are_in_order():
    assert list(entries()) == sorted(entries())


def test_a_definition_is_one_or_two_sentences():
    for term, definition in entries().items():
        assert definition.endswith("."), term
        assert len(re.findall(r"[.?!](?= [A-Z]|$)", definition)) <= 2, term


# docs/walk.rst

#: Files that no task comes to.
NOT_OF_A_TASK = {
    "ansible_econtext/cli.py": "the command ansible-econtext",
    "econtext/controller/router.py": "of the library alone: the broker has its own loop",
    "econtext/controller/context.py": "of the library alone",
    "econtext/controller/call_session.py": "of the library alone",
    "econtext/controller/causes.py": "of the library alone",
    "econtext/controller/imports_ahead.py": "of the library alone",
    "econtext/target/call_loop.py": "of the library alone",
    "econtext/target/resources.py": "of packages' data, which a module has none of",
    "econtext/controller/emulated_ssh.py": "of the library alone",
    "econtext/controller/ssh_server.py": "of emulated ssh",
    "econtext/emulation/ssh_arguments.py": "of emulated ssh",
    "econtext/emulation/ssh_client.py": "of emulated ssh",
    "econtext/controller/call_channel.py": "of the library alone",
    "econtext/target/channel_end.py": "of the library alone",
    "econtext/target/exchange.py": "of the library alone",
}
#: Tasks come by ssh's method; local hosts and become have commands of Ansible's.
NOT_OF_A_TASK |= {
    str(path.relative_to(ROOT)): "of the library alone"
    for path in ROOT.glob("econtext/controller/methods/*.py")
    if path.name != "ssh.py"
}
FILES = [
    path
    for package in ("ansible_econtext", "econtext")
    for path in sorted(ROOT.glob(f"{package}/**/*.py"))
    if path.name != "__init__.py"  # they hold nothing that a task runs
]


@by_name(FILES)
def test_each_file_of_a_task_is_in_the_walk_once(path):
    name = str(path.relative_to(ROOT))
    found = re.findall(rf"(?<![\w/]){re.escape(name)}", text("docs/walk.rst"))
    assert len(found) == (name not in NOT_OF_A_TASK)


def test_what_is_said_of_no_task_is_there():
    assert all((ROOT / name).is_file() for name in NOT_OF_A_TASK)


# The laws in docs/design.rst


def laws() -> list[str]:
    section = re.search(
        r"^The laws\n-+\n(.*?)^\w[^\n]*\n-+\n", text("docs/design.rst"), re.M | re.S
    )
    assert section is not None
    return re.split(r"^\d+\. ", section[1], flags=re.M)[1:]


def test_there_are_eleven_laws():
    assert len(laws()) == 11


@pytest.mark.parametrize("number", range(1, 12))
def test_each_law_names_tests_that_are_there(number):
    named = re.findall(r"``(tests/[\w/]+\.py)::(\w+)``", laws()[number - 1])
    assert named
    for file, function in named:
        assert re.search(rf"^def {function}\(", text(file), re.M), f"{file}::{function}"


# docs/security.rst


def rows() -> list[str]:
    """Each row of each table, but for the rows of headings."""
    tables = re.findall(r"^\.\. list-table::\n((?:   .*\n|\n)+)", text("docs/security.rst"), re.M)
    found = [re.split(r"^   \* - ", table, flags=re.M)[2:] for table in tables]
    return [row for table in found for row in table]


def test_the_tables_of_security_are_found():
    page = text("docs/security.rst")
    assert len(rows()) == page.count("\n   * - ") - page.count("list-table::") > 60


@pytest.mark.parametrize("row", rows(), ids=lambda row: re.sub(r"\W+", "_", row[:40]))
def test_each_row_of_security_names_tests_that_are_there(row):
    last = re.split(r"^     - ", row, flags=re.M)[-1].split()
    named = [re.fullmatch(r"``(tests/[\w/]+\.py)::(\w+)``", each) for each in last]
    assert named and all(named), last
    for file, function in (each.groups() for each in named):
        assert re.search(rf"^def {function}\(", text(file), re.M), f"{file}::{function}"


# CONTRIBUTING.rst


def test_the_table_of_folders_is_what_the_test_of_layers_holds():
    [table] = re.findall(r"^folder  .*\n=+ .*\n((?:``.*\n)+)", text("CONTRIBUTING.rst"), re.M)
    rows = [re.findall(r"``(\w+)``", line) for line in table.splitlines()]
    assert {folder: set(imports) for folder, *imports in rows} == test_layers.ALLOWED


def test_files_of_the_table_of_ansible_core_are_there():
    """They are named without `ansible_econtext/` and `.py`, as there is little room."""
    [table] = re.findall(
        r"^   =+ +=+\n   of ansible-core.*?^   =+ +=+\n\n", text("CONTRIBUTING.rst"), re.M | re.S
    )
    named = re.findall(rf"``((?:{'|'.join(test_layers.ALLOWED)})/\w+)``", table)
    assert len(named) > 20
    assert not [name for name in named if not (ROOT / "ansible_econtext" / f"{name}.py").is_file()]


# docs/library.rst


def test_the_example_of_the_library_runs(tmp_path):
    block, *_ = re.findall(
        r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text("docs/library.rst"), re.M
    )
    script = tmp_path / "example.py"
    script.write_text(textwrap.dedent(block))
    ran = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    first, *rest = ran.stdout.splitlines()
    assert first.startswith("local ")
    assert rest == ["/", "ValueError"]


def test_the_library_has_each_error_that_its_page_names():
    section = text("docs/library.rst").partition("\nErrors\n")[2]
    named = re.findall(r"^``(\w+)``$", section, re.M)
    others = {"EcontextError", "Context", "Router", "Cause", "Stage"}
    assert {*named, *others} == set(econtext.__all__)


def rows_of_diagnostics(first: str) -> list[list[str]]:
    """Return the cells of each row of the table that begins with this head."""
    section = text("docs/library.rst").partition("\nDiagnostics\n")[2]
    table = re.search(rf"^   \* - {first}\n.*?(?=^\S|\Z)", section, re.S | re.M)
    assert table is not None
    found = re.split(r"^   \* - ", table[0], flags=re.M)[2:]
    return [[" ".join(cell.split()) for cell in row.split("\n     - ")] for row in found]


def programs(cause: econtext.Cause) -> str:
    """Return the programs of whose words a cause is read, as the table has them."""
    of_rows = [row.programs for row in causes.ROWS if row.cause is cause]
    return ", ".join(dict.fromkeys(sum(of_rows, ()))) if all(of_rows) else "any"


def test_the_table_of_causes_is_the_catalogue():
    assert rows_of_diagnostics("cause") == [
        [f"``{cause.value}``", programs(cause), causes.ADVICE[cause].replace("`", "``")]
        for cause in econtext.Cause
        if cause is not econtext.Cause.UNKNOWN
    ]


def test_the_table_of_stages_has_each():
    found = [stage for stage, _ in rows_of_diagnostics("stage")]
    assert found == [f"``{stage.value}``" for stage in econtext.Stage]
