"""What the controller finds to send, and what it must not do while it looks."""

import functools
import importlib
import json.decoder
import os
import shutil
import sys
import zipfile

import pytest

from econtext.controller import sources


class Thing:
    """Methods of every kind."""

    def method(self):
        pass

    @classmethod
    def of_class(cls):
        return cls.__name__

    @staticmethod
    def of_nobody():
        pass

    def __call__(self):
        pass

    class Inner:
        @staticmethod
        def deep():
            pass


class Derived(Thing):
    pass


def plain():
    pass


@pytest.mark.parametrize(
    "function, name",
    [
        (plain, "plain"),
        (Thing, "Thing"),
        (Thing.of_class, "Thing.of_class"),
        (Thing.of_nobody, "Thing.of_nobody"),
        (Thing.Inner.deep, "Thing.Inner.deep"),
        (Derived.of_class, "Derived.of_class"),
    ],
)
def test_names_of_functions(function, name):
    assert sources.importable(function) == (__name__, name)


@pytest.mark.parametrize(
    "function, names",
    [(os.getuid, ("posix", "getuid")), (json.loads, ("json", "loads")), (len, ("builtins", "len"))],
)
def test_names_of_the_standard_library(function, names):
    assert sources.importable(function) == names
    assert sources.is_everywhere(names[0])


def local_function():
    def inside():
        pass

    return inside


@pytest.mark.parametrize(
    "function",
    [
        lambda: None,
        local_function(),
        Thing().method,
        Thing(),
        "".join,
        [].append,
        functools.partial(plain),
        "plain",
        None,
        sys,
    ],
    ids=lambda each: type(each).__name__,  # no address: it is another in each process
)
def test_what_has_no_importable_name(function):
    with pytest.raises(TypeError, match="no importable name"):
        sources.importable(function)


# Finding

EFFECT = "raise SystemExit('imported on the controller')\n"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A package of every kind of file, importable while a test runs."""
    files = {
        "found_by_tests/__init__.py": "# a package\n",
        "found_by_tests/module.py": "# a module\n",
        "found_by_tests/sub/__init__.py": "# a package in it\n",
        "found_by_tests/sub/deep.py": "# deep\n",
        "found_by_tests/spaces/plain.py": "# in a namespace package\n",
        "found_by_tests/effect.py": EFFECT,
        "found_by_tests/effects/__init__.py": EFFECT,
        "found_by_tests/effects/deep.py": "# behind an effect\n",
        "found_by_tests/native.so": "not Python\n",
        "found_by_tests/data.txt": "not a module\n",
        "space_of_tests/inner/module.py": "# in a namespace package\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    importlib.invalidate_caches()
    return tmp_path


@pytest.mark.parametrize(
    "name, is_package, content",
    [
        ("found_by_tests", True, b"# a package\n"),
        ("found_by_tests.module", False, b"# a module\n"),
        ("found_by_tests.sub.deep", False, b"# deep\n"),
        ("found_by_tests.spaces", True, b""),
        ("found_by_tests.spaces.plain", False, b"# in a namespace package\n"),
        ("space_of_tests", True, b""),
        ("space_of_tests.inner", True, b""),
        ("found_by_tests.effect", False, EFFECT.encode()),
    ],
)
def test_find(tree, name, is_package, content):
    assert sources.find(name) == sources.Source(name, is_package, content)


@pytest.mark.parametrize(
    "name, is_directory, content",
    [
        ("found_by_tests/data.txt", False, b"not a module\n"),
        ("found_by_tests/sub/deep.py", False, b"# deep\n"),
        ("found_by_tests/sub", True, b"__init__.py/deep.py"),
        ("found_by_tests/spaces", True, b"plain.py"),
        ("space_of_tests/", True, b"inner"),
    ],
)
def test_data_of_a_package(tree, name, is_directory, content):
    found = sources.find(name)
    assert found == sources.Source(name, is_directory, content)
    assert found.filename == f"memory:{name}"


@pytest.fixture
def archive(tree, tmp_path, monkeypatch):
    """The same in a zip archive alone."""
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as opened:
        for path in sorted(tree.rglob("*")):
            if path.suffix in (".py", ".txt"):
                opened.write(path, path.relative_to(tree))
                path.unlink()
    for name in ("found_by_tests", "space_of_tests"):
        shutil.rmtree(tree / name)
    monkeypatch.syspath_prepend(tmp_path / "archive.zip")
    importlib.invalidate_caches()


@pytest.mark.parametrize(
    "name, is_package, content",
    [
        ("found_by_tests", True, b"# a package\n"),
        ("found_by_tests.module", False, b"# a module\n"),
        ("found_by_tests.sub.deep", False, b"# deep\n"),
        ("found_by_tests.spaces", True, b""),
        ("found_by_tests.effect", False, EFFECT.encode()),
        ("found_by_tests/data.txt", False, b"not a module\n"),
        ("found_by_tests/sub", True, b"__init__.py/deep.py"),
    ],
)
def test_find_in_an_archive(archive, name, is_package, content):
    assert sources.find(name) == sources.Source(name, is_package, content)


def test_nothing_in_an_archive(archive):
    for name in ("found_by_tests.missing", "found_by_tests/missing", "found_by_tests/../x"):
        assert sources.find(name) is None


@pytest.mark.parametrize(
    "text, said",
    [
        ("No module named 'found_by_tests.none'", "was looked for here, in {tree}/found_by_tests,"),
        ("No module named 'found_by_tests.sub.none'", "in {tree}/found_by_tests/sub, and on the"),
        ("No module named 'found_by_tests'", "was looked for here, in sys.path, and on"),
        ("No module named 'found_by_tests.native'", "{tree}/found_by_tests/native.so is compiled"),
        ("No module named 'found_by_tests..x.y'", "found_by_tests..x.y was looked for here"),
        ("No module named 'json.none'", "json.none was looked for on the target alone"),
        ("cannot import name 'x'", ""),
        ("No module named none", ""),
    ],
)
def test_where_a_module_was_looked_for(tree, text, said):
    found = sources.whereabouts(text, frozenset(["found_by_tests"]))
    assert said.format(tree=tree) in found and bool(said) is bool(found)


def test_find_in_the_standard_library():
    decoder = sources.find("json.decoder")
    assert decoder is not None and b"class JSONDecoder" in decoder.content
    package = sources.find("json")
    assert package is not None and package.is_package


@pytest.mark.parametrize(
    "name",
    [
        "sys",
        "no_such_module_anywhere",
        "found_by_tests.missing",
        "found_by_tests.native",
        "found_by_tests.data",
        "found_by_tests.module.nothing",
        "found_by_tests.",
        "found_by_tests..module",
        "found_by_tests./module",
        "found_by_tests.../etc/hostname",
        "found_by_tests.\0",
        "found_by_tests.\ufffd",
        ".found_by_tests",
        ".",
        "",
        "found_by_tests" + 2000 * ".sub",
        "found_by_tests/" + 2000 * "sub/",
        "found_by_tests/missing",
        "found_by_tests/../found_by_tests/data.txt",
        "found_by_tests/./data.txt",
        "found_by_tests//data.txt",
        "found_by_tests/\0",
        "/etc/hostname",
        "json.decoder/x",
        "no_such_package/data.txt",
    ],
)
def test_nothing_to_be_found(tree, name):
    assert sources.find(name) is None


@pytest.mark.parametrize("name", ["found_by_tests.effects.deep", "found_by_tests.effect.nothing"])
def test_looking_for_a_module_runs_none(tree, name):
    """A target may ask for any name in an offered package: no code runs here because of it."""
    try:
        found = sources.find(name)
    except SystemExit:
        pytest.fail("a module was imported on the controller")
    assert found is None or found.content == b"# behind an effect\n"
    assert not [module for module in sys.modules if module.startswith("found_by_tests.effect")]


def test_a_module_whose_file_is_gone(tree):
    importlib.import_module("found_by_tests.module")
    (tree / "found_by_tests" / "module.py").unlink()
    assert sources.find("found_by_tests.module") is None


def test_with_parents(tree):
    names = [source.name for source in sources.with_parents("found_by_tests.sub.deep")]
    assert names == ["found_by_tests", "found_by_tests.sub", "found_by_tests.sub.deep"]


def test_file_names_in_tracebacks():
    assert sources.Source("a.b", False, b"").filename == "memory:a/b.py"
    assert sources.Source("a.b", True, b"").filename == "memory:a/b/__init__.py"


def test_the_script_that_runs(tree, monkeypatch):
    """Functions of the script itself are under `__main__` here, under another name there."""
    script = tree / "script.py"
    script.write_text("# a script\n", encoding="ascii")
    main = type(sys)("__main__")
    main.__file__ = str(script)
    main.__spec__ = None
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(plain, "__module__", "__main__")
    assert sources.importable(plain) == (sources.SCRIPT, "plain")
    assert sources.find(sources.SCRIPT) == sources.Source(sources.SCRIPT, False, b"# a script\n")
    main.__spec__ = importlib.util.find_spec("json.tool")  # as with python -m
    assert sources.importable(plain) == ("json.tool", "plain")
