"""What is taken out of a payload: notes, and not a thing besides."""

import ast
import pathlib
import warnings

import ansible.module_utils
import pytest

from ansible_econtext.broker.payload_archive import File
from ansible_econtext.broker.payload_minify import minified, minify_shared
from tests.support.scale import ALL

SHARED = pathlib.Path(ansible.module_utils.__path__[0])


def program(source: bytes) -> str:
    """All that a source says, and on which lines; docstrings and ends of statements left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old sources, on their escapes
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            node.end_lineno = node.end_col_offset = None
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            assert isinstance(node.value.value, str) or node.value.value is ...
            node.value = ast.Constant(None, lineno=node.lineno, col_offset=0)
            node.col_offset = 0
    return ast.dump(tree, include_attributes=True)


def test_ansible_core_says_the_same():
    paths = sorted(SHARED.rglob("*.py"))
    assert len(paths) > 100
    before = after = 0
    for path in paths[:: 1 if ALL else 4]:
        source = path.read_bytes()
        smaller = minified(source)
        assert program(smaller) == program(source), path
        before, after = before + len(source), after + len(smaller)
    assert after < 0.8 * before


@pytest.mark.parametrize(
    "source, expected",
    [
        (b"# a note\nx = 1\n", b"\nx = 1\n"),
        (b"def f():\n    # a note\n    return 1\n", b"def f():\n\n    return 1\n"),
        (b'"""What it is."""\nx = 1\n', b"'.'\nx = 1\n"),
        (b'def f():\n    r"""One\n\n    more."""  # and\n', b"def f():\n    '.'\n\n  # and\n"),
        (b"class A:\n    'one'\n", b"class A:\n    '.'\n"),
        (b"#!/bin/sh\n# a note\n", b"\n\n"),
        (b"x = 1\r\n# a note\r\n", b"x = 1\r\n\n"),
    ],
)
def test_taken(source, expected):
    assert minified(source) == expected
    assert program(expected) == program(source)


@pytest.mark.parametrize(
    "source",
    [
        b"x = 1  # a traceback shows it\n",
        b"x = (\n    # so does one of Python 3.13\n    1,\n    '''one'''\n)\n",
        b"x = {1:\n'''one'''}\n",
        b"x = '''\n# no note\n'''\n",
        b"x = '# no note'\n",
        b'x = "it\'s # no note"\n',
        b"x = 'a\\'b\\\n# no note'\n",
        b'x = r"\\"\n',
        b"x = \\\n'''one'''\n",
        b"'''one''' % f()\n",
        b"'''one'''; x = 1\n",
        b"'''one'''.join(x)\n",
        b"f'''{f()}'''\n",
        b"b'''one'''\n",
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        b"\n# vim: set fileencoding=utf-8 :\n",
        b"import pydoc\n# a note\n",
        b"print(f.__doc__)\n# a note\n",
    ],
)
def test_left(source):
    assert minified(source) == source


@pytest.mark.parametrize(
    "source",
    [
        b'# a note\nx = f"{y["a"]} # {z[\'b\']}"\n',
        b"# a note\nx = 'without an end\n",
        b"# a note\nx = (1\n",
        b"# a note\nx = '''without an end\n",
    ],
)
def test_what_is_not_understood_stays_as_it_is(source):
    assert minified(source) == source


def file(name, content, filename="memory:x.py"):
    return File(name, False, filename, content)


NOTE = b"# a note\nx = 1\n"


def test_a_module_itself_stays_as_it_is():
    files = [
        file("ansible.modules.ping", NOTE),
        file("ansible_collections.a.b.plugins.module_utils.c", NOTE),
        file("ansible.module_utils.basic", NOTE),
        file("ansible.module_utils.data", NOTE, "memory:data.txt"),
    ]
    assert [each.content == NOTE for each in minify_shared(files)] == [True, True, False, True]
    assert [each.name for each in minify_shared(files)] == [each.name for each in files]


def test_a_module_that_reads_docstrings_finds_them():
    files = [file("ansible.modules.own", b"print(f.__doc__)"), file("ansible.module_utils.a", NOTE)]
    assert minify_shared(files) == files
