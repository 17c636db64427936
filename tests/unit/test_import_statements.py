"""A source that is cut down to its import statements imports the same."""

import ast
import pathlib

import pytest

from ansible_econtext.patches.import_statements import skeleton


def imports(source):
    """Each import statement of a source, and whether it is at the top level."""
    tree = ast.parse(source)
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return sorted((ast.unparse(node), node in tree.body) for node in found)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = 1\n",
        "import a",
        "from __future__ import annotations\nimport a, b as c\nfrom . import d\n",
        "from ..e import *\n",
        "from a import (\n    b,  # with a comment\n    c as d,\n)\nimport e\n",
        "from a import b, \\\n    c\nimport d\n",
        "try:\n    import a\nexcept ImportError:\n\timport b\nelse:\n  from c import d\nimport e\n",
        '"""\nimport a\n"""\nimport b\n',
        "'''\nfrom a import b \\''' '''\nimport c\n",
        'r"""\\" """\nimport a\n',
        "x = '\\\nimport a'\nimport b\n",
        'x = "it\'s"\nimport a\n',
        "x = 'a' 'b' \"\"\n# it's\nimport a  # and \"this\nimport b\n",
        "x = '''a'b\"c\"\"\"'''\nimport a\n",
        "importer = 1\nfrom_a = 2\nimport a\n",
        "def f():\n    yield from a\n    raise b from c\n    import d\n",
        "import a;\nimport b\n",
        "import a; x = 1\n",
        "\fimport a\n",
        "import a\r\nfrom b import c\r\n",
        "match x:\n    case 1:\n        import a\n",
    ],
)
def test_the_imports_are_the_same(source):
    cut = skeleton(source.encode())
    assert cut is not None
    assert imports(cut) == imports(source)


def test_all_files_of_ansible_core():
    ansible = pytest.importorskip("ansible")
    for path in pathlib.Path(ansible.__path__[0]).rglob("*.py"):
        source = path.read_bytes()
        cut = skeleton(source)
        assert cut is not None, path
        assert imports(cut) == imports(source), path


@pytest.mark.parametrize(
    "source",
    ["import a; import b\n", "x = 1; from a import b\n", "try: import a\nexcept: pass\n"],
)
def test_statements_on_one_line_are_left_alone(source):
    assert skeleton(source.encode()) is None
