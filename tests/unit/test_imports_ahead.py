"""What goes with a function's module, so that a target need not ask for it."""

import importlib
import sys

import pytest

from econtext.controller import imports_ahead
from econtext.controller.sources import Source

FILES = {
    "ahead_of_tests/__init__.py": "",
    "ahead_of_tests/work.py": "from ahead_of_tests import one, two\nfrom .sub import deep\n",
    "ahead_of_tests/one.py": "from ahead_of_tests.two import anything\n",
    "ahead_of_tests/two.py": "import ahead_of_tests.work\n\ndef f():\n    from . import late\n",
    "ahead_of_tests/late.py": "",
    "ahead_of_tests/unused.py": "",
    "ahead_of_tests/sub/__init__.py": "from .. import three as four\n",
    "ahead_of_tests/sub/deep.py": "",
    "ahead_of_tests/three.py": "not Python, but no reason to fail\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    importlib.invalidate_caches()


def names():
    found = [source.name for source in imports_ahead.with_imports("ahead_of_tests.work")]
    assert len(found) == len(set(found))
    return {name.removeprefix("ahead_of_tests").removeprefix(".") for name in found}


def test_all_that_is_imported_of_the_package(package):
    assert names() == {"", "work", "one", "two", "sub", "sub.deep", "three"}


def test_no_more_than_the_most(package, monkeypatch):
    monkeypatch.setattr(imports_ahead, "MOST", 0)
    assert names() == {"", "work"}


def test_no_module_of_that_name():
    assert list(imports_ahead.with_imports("no_such_module_of_tests")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import a.b, c, a.d as e\n", ["a.b", "a.d"]),
        ("from a import (\n    b,  # and, c\n    d as e,\n)\n", ["a", "a.b", "a.d"]),
        ("from . import b\nfrom .b import c\n", ["a.p", "a.p.b", "a.p.b.c"]),
        ("from .. import b\nfrom ..b import *\n", ["a", "a.b"]),
        ("from .... import b\n", []),
        ("from\n import(\nfrom a import (b\nimport\nimport ,\n", ["a", "a.b"]),
        ("if a:\n    import a.b\nimportant = a.c\n", []),
        ("import b\nfrom ab import c\n", []),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_statements(text, end, expected):
    source = Source("a.p.m", False, text.replace("\n", end).encode())
    assert imports_ahead.imported(source) == expected


def test_dots_in_a_package_are_counted_from_itself():
    assert imports_ahead.imported(Source("a.p", True, b"from . import b\n")) == ["a.p", "a.p.b"]


def test_bytes_that_are_no_text():
    assert imports_ahead.imported(Source("a", False, b"\xff\nimport a.b\n")) == ["a.b"]
