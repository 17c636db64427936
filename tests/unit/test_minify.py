"""Stripped sources: smaller, and the same program on the same lines."""

import ast
import importlib.resources
import types

import pytest

from econtext.boot.minify import narrow, strip


def shipped() -> list:
    """Every file that may be sent to a target."""
    return [
        pytest.param(path.read_text(encoding="ascii"), id=f"{package}/{path.name}")
        for package in ("econtext.target", "ansible_econtext.target")
        for path in sorted(importlib.resources.files(package).iterdir(), key=lambda path: path.name)
        if path.name.endswith(".py")
    ]


def statements(source: str) -> str:
    """The syntax tree with lines and columns of each node, without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not is_string(each)]
        for name in ("end_lineno", "end_col_offset"):  # a body may end in its docstring
            if hasattr(node, name):
                delattr(node, name)
    return ast.dump(tree, include_attributes=True)


def is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def functions(code: types.CodeType) -> list[tuple[str, int]]:
    """Names and first lines of all that was compiled: what a traceback is made of."""
    found = [(code.co_name, code.co_firstlineno)]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += functions(constant)
    return found


@pytest.mark.parametrize("source", shipped())
def test_same_program_on_the_same_lines(source):
    stripped = strip(source)
    assert statements(stripped) == statements(source)
    assert functions(compile(stripped, "stripped", "exec")) == functions(
        compile(source, "source", "exec")
    )
    assert stripped.count("\n") == source.count("\n")


@pytest.mark.parametrize("source", shipped())
def test_nothing_is_left_to_strip(source):
    stripped = strip(source)
    assert strip(stripped) == stripped
    assert "#" not in stripped.replace('"#', "")
    for node in ast.walk(ast.parse(stripped)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            assert not ast.get_docstring(node)


@pytest.mark.parametrize(
    "source",
    [
        '"""One."""\n',
        '"""One\nand two."""\nx = 1\n',
        'def f():\n    """Only\n    this."""\n',
        'def f(): "short"; return 1\n',
        'class C(object):\n    "one"\n    "and two"\n    x = """kept\n# too"""\n',
        'x = "#no comment"  # a comment\n',
        "if True:\n    # at first\n    pass\n# at last",
        'x = [\n    "kept",  # why\n    "kept too",\n]\n',
        "def f():\n    r'''raw'''\n    return u'''text'''\n",
        "x = 1; '''two\nlines'''; y = 2\n",
        '"%d is not a docstring" % len("x")\n',
        '"neither" "is".join("this")\n',
        "'a' if len('x') else 'b'\n",
    ],
)
def test_corners(source):
    stripped = strip(source)
    assert statements(stripped) == statements(source)
    assert len(stripped.splitlines()) == len(source.splitlines())


def test_a_source_that_is_none_is_refused():
    import tokenize

    with pytest.raises((SyntaxError, tokenize.TokenError)):
        strip("def f(:\n  '''")


@pytest.mark.parametrize("source", shipped())
def test_narrow_keeps_what_a_program_says(source):
    narrower = narrow(source)
    assert ast.dump(ast.parse(narrower)) == ast.dump(ast.parse(source))
    lines = zip(narrower.splitlines(), source.splitlines(), strict=True)
    assert all(narrow_line.strip() == line.strip() for narrow_line, line in lines)


def test_narrow():
    source = 'if x:\n    y = f(\n          1,\n    )\n    z = """\n    as it is\n        """\n'
    expected = 'if x:\n y = f(\n    1,\n )\n z = """\n    as it is\n        """\n'
    assert narrow(source) == expected
