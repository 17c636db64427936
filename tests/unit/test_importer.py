"""The importer: modules from memory, asked for where they were offered, warm ones checked."""

import importlib
import inspect
import linecache
import sys
import traceback

import pytest

from econtext.target.importer import Importer
from econtext.target.store import Module, Store

PACKAGE = "imported_by_tests"


@pytest.fixture
def importer(monkeypatch):
    importer = Importer(Store())
    monkeypatch.setattr(sys, "meta_path", [importer, *sys.meta_path])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(linecache, "cache", {})
    yield importer


def modules(importer, sources):
    """Manifest entries for {name: source}; a name that ends in a dot is a package's."""
    made = {}
    for name, source in sources.items():
        path = "memory:" + name.replace(".", "/") + ("__init__.py" if name[-1] == "." else ".py")
        made[name.rstrip(".")] = Module(name[-1] == ".", path, importer.store.add(source))
    return made


TREE = {
    f"{PACKAGE}.": b"from . import leaf\nVALUE = leaf.VALUE + 1\n",
    f"{PACKAGE}.leaf": b"VALUE = 1\n",
    f"{PACKAGE}.inner.": b"",
    f"{PACKAGE}.inner.deep": b"from .. import VALUE\nfrom ..leaf import VALUE as LEAF\n",
}


@pytest.fixture(params=["Python 3", "Python 2"])
def load(request, importer):
    """Import a module by either protocol; the older one can be called on Python 3 as well."""

    def import_as_python_2(name):
        parent = name.rpartition(".")[0]
        if parent and parent not in sys.modules:
            import_as_python_2(parent)
        assert importer.find_module(name) is importer
        return importer.load_module(name)

    return importlib.import_module if request.param == "Python 3" else import_as_python_2


def test_packages_and_modules(importer, load):
    importer.use(modules(importer, TREE))
    deep = load(f"{PACKAGE}.inner.deep")
    package = sys.modules[PACKAGE]
    assert (deep.VALUE, deep.LEAF) == (2, 1)
    assert deep.__name__ == f"{PACKAGE}.inner.deep"
    assert deep.__package__ == f"{PACKAGE}.inner"
    assert deep.__file__ == f"memory:{PACKAGE}/inner/deep.py"
    assert deep.__loader__ is importer
    assert package.__package__ == PACKAGE
    assert package.__path__ == [f"memory:{PACKAGE}"]
    assert package.__file__ == f"memory:{PACKAGE}/__init__.py"
    assert load(f"{PACKAGE}.inner.deep") is deep


@pytest.mark.parametrize("source", [b"raise ValueError('in a module')\n", b"def f(:\n"])
def test_a_module_that_fails_is_not_kept(importer, load, source):
    importer.use(modules(importer, {f"{PACKAGE}.": source}))
    for _ in range(2):
        with pytest.raises((ValueError, SyntaxError)):
            load(PACKAGE)
        assert PACKAGE not in sys.modules


def test_what_tools_ask_of_a_loader(importer):
    importer.use(modules(importer, TREE))
    leaf = importlib.import_module(f"{PACKAGE}.leaf")
    assert inspect.getsource(leaf) == "VALUE = 1\n"
    assert importer.get_filename(leaf.__name__) == leaf.__file__
    assert importer.get_code(leaf.__name__).co_filename == leaf.__file__
    assert importer.get_data(leaf.__file__) == b"VALUE = 1\n"
    assert importer.is_package(PACKAGE) and not importer.is_package(leaf.__name__)
    with pytest.raises(OSError):
        importer.get_data("/etc/hostname")
    for method in (importer.get_source, importer.get_code, importer.get_filename):
        with pytest.raises(ImportError):
            method("os")


def trace_of(importer, source):
    importer.use(modules(importer, {PACKAGE: source}))
    try:
        importlib.import_module(PACKAGE).fail()
    except ZeroDivisionError:
        return traceback.format_exc()
    raise AssertionError("it did not fail")


def test_tracebacks_show_the_source(importer):
    trace = trace_of(importer, b"def fail():\n    return 1 / 0  # here\n")
    assert f'File "memory:{PACKAGE}.py", line 2, in fail' in trace
    assert "return 1 / 0  # here" in trace


def test_a_source_in_another_encoding(importer):
    """What raises here raises while a traceback is made, and hides the error that it is for."""
    source = "# coding: latin-1\nVALUE = '\u00e9'\n"
    importer.use(modules(importer, {PACKAGE: source.encode("latin-1")}))
    assert importlib.import_module(PACKAGE).VALUE == "\u00e9"
    assert importer.get_source(PACKAGE) == source


def test_only_what_is_offered_is_asked_for(importer):
    asked = []
    importer.ask = lambda name: asked.append(name)
    importer.offered = frozenset(["offered_by_tests"])
    for name in ("not_offered_by_tests", "offered_by_tests_too", "offered_by_tests"):
        with pytest.raises(ImportError):
            importlib.import_module(name)
    assert asked == ["offered_by_tests"]


def test_what_was_asked_for_is_kept(importer):
    made = modules(importer, TREE)
    asked = []

    def ask(name):
        asked.append(name)
        return made.get(name)

    importer.ask, importer.offered = ask, frozenset([PACKAGE])
    importlib.import_module(PACKAGE)
    del sys.modules[PACKAGE], sys.modules[f"{PACKAGE}.leaf"]
    importlib.import_module(PACKAGE)
    assert asked == [PACKAGE, f"{PACKAGE}.leaf"]


# Warm modules


def test_warm_modules_serve_where_their_content_is_the_same(importer):
    importer.import_ahead(modules(importer, TREE), [PACKAGE])
    warm = sys.modules[f"{PACKAGE}.leaf"]
    assert set(importer.warm) == {PACKAGE, f"{PACKAGE}.leaf"}
    importer.use(modules(importer, TREE))
    assert importlib.import_module(PACKAGE).leaf is warm


def test_warm_modules_are_dropped_together(importer):
    """They may have looked into each other: one of another content changes all."""
    importer.import_ahead(modules(importer, TREE), [PACKAGE])
    importer.use(modules(importer, {**TREE, f"{PACKAGE}.leaf": b"VALUE = 10\n"}))
    assert PACKAGE not in sys.modules and f"{PACKAGE}.leaf" not in sys.modules
    assert importlib.import_module(PACKAGE).VALUE == 11
    assert importer.warm == {}


def test_warm_modules_that_a_payload_does_not_have_are_not_importable_by_it(importer):
    """Importing ahead must not give one payload what only another one brought."""
    importer.import_ahead(modules(importer, TREE), [f"{PACKAGE}.leaf"])
    assert f"{PACKAGE}.inner" not in importer.modules
    with pytest.raises(ImportError):
        importlib.import_module(f"{PACKAGE}.inner")


def test_only_what_was_imported_is_warm(importer):
    importer.import_ahead(modules(importer, TREE), [f"{PACKAGE}.leaf"])
    importer.use(modules(importer, {**TREE, f"{PACKAGE}.inner.deep": b"OTHER = 1\n"}))
    assert PACKAGE in importer.warm
    assert importlib.import_module(f"{PACKAGE}.inner.deep").OTHER == 1


def test_a_failure_ahead_of_time_leaves_nothing(importer):
    broken = {**TREE, f"{PACKAGE}.leaf": b"import no_such_module_anywhere\n"}
    importer.import_ahead(modules(importer, broken), [PACKAGE])
    assert importer.warm == {}
    assert not [name for name in sys.modules if name.startswith(PACKAGE)]
    importer.import_ahead(modules(importer, TREE), [PACKAGE])
    assert PACKAGE in importer.warm
