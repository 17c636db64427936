"""The laws of docs/design.rst that can be read off the source."""

import ast
import functools
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]

SHIPPED_PACKAGES = ("econtext.target", "ansible_econtext.target")
#: What only ansible-core's payloads bring along; asked for inside functions, on targets.
FROM_PAYLOADS = "ansible.module_utils"

#: Of the standard library of Python 2 alone.
PYTHON_2_MODULES = {"thread", "exceptions", "__builtin__"}

SHIPPED = [
    path
    for package in SHIPPED_PACKAGES
    for path in sorted(ROOT.joinpath(*package.split(".")).glob("**/*.py"))
]
SANS_IO = [
    *(
        ROOT / "econtext/target" / f"{name}.py"
        for name in ("codec", "wire", "flow_control", "exchange", "compression")
    ),
    ROOT / "econtext/controller/prompts.py",
    ROOT / "econtext/controller/causes.py",
    ROOT / "ansible_econtext/client/messages.py",
    ROOT / "ansible_econtext/client/record.py",
    ROOT / "ansible_econtext/payload/ansiballz.py",
    ROOT / "ansible_econtext/broker/payload_archive.py",
    *sorted(ROOT.glob("econtext/controller/methods/*.py")),
]
#: All but the folders that know ansible-core's private parts, and what is shipped.
ANSIBLE_LAYER = [
    path
    for path in sorted(ROOT.glob("ansible_econtext/**/*.py"))
    if path.relative_to(ROOT).parts[1] not in ("core", "patches", "target")
]


def tree(path: pathlib.Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: pathlib.Path) -> list[str]:
    """The full names of all that a file imports, wherever in it."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "modules are shipped under their full names"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def by_name(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


def test_there_is_something_to_check():
    assert len(SHIPPED) > 10 and len(ANSIBLE_LAYER) > 5
    assert all(path.exists() for path in SANS_IO)


# Law 1


@by_name(SHIPPED)
def test_shipped_code_imports_the_standard_library_and_its_own_package(path):
    for name in imports(path):
        if name.split(".")[0] in sys.stdlib_module_names | PYTHON_2_MODULES:
            continue
        allowed = SHIPPED_PACKAGES[:1]  # the library knows nothing of the Ansible layer
        if "ansible_econtext" in path.parts:
            allowed = (*SHIPPED_PACKAGES, FROM_PAYLOADS)
        assert name.startswith(tuple(f"{package}." for package in allowed)), name


@by_name(SHIPPED)
def test_shipped_code_is_written_for_python_2_as_well(path):
    """What a compiler of Python 3 can tell; each interpreter's own compiler tells the rest."""
    source = path.read_text(encoding="ascii")
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(
            node,
            ast.JoinedStr
            | ast.AnnAssign
            | ast.NamedExpr
            | ast.Match
            | ast.AsyncFunctionDef
            | ast.Await
            | ast.YieldFrom
            | ast.Nonlocal,
        ), f"line {node.lineno}"
        if isinstance(node, ast.Raise):
            assert node.cause is None, f"line {node.lineno}"
        if isinstance(node, ast.ClassDef):
            assert node.bases and not node.keywords, f"{node.name} is an old-style class"
        if isinstance(node, ast.FunctionDef):
            assert not node.args.kwonlyargs and not node.args.posonlyargs, node.name
            assert node.returns is None, node.name
    ast.parse(source, feature_version=(3, 6))


# Law 2


@by_name([path for path in SHIPPED if path.name != "compat.py"])
def test_only_compat_tests_versions(path):
    """Elsewhere no condition depends on a version; the greeting reports it, as data."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert | ast.comprehension):
            tests = node.ifs if isinstance(node, ast.comprehension) else [node.test]
        elif isinstance(node, ast.BoolOp | ast.Compare):
            tests = [node]
        else:
            continue
        for test in tests:
            assert not names(test) & VERSIONS, f"line {test.lineno}: {ast.unparse(test)}"


VERSIONS = {"version_info", "hexversion", "PYTHON_3", "PY2", "PY3", "python_version", "api_version"}


def names(node: ast.AST) -> set[str]:
    """Each name and attribute in an expression."""
    return {
        getattr(each, "attr", None) or getattr(each, "id", "")
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute | ast.Name)
    }


@by_name(SHIPPED)
def test_the_version_is_read_in_two_places(path):
    found = [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in VERSIONS - {"PYTHON_3"}
    ]
    assert not found or path.name in ("compat.py", "hello.py")
    assert path.name != "hello.py" or len(found) == 1


#: Methods of named tuples and `os._exit`, which begin with an underscore and are public.
PUBLIC = {"_exit", "_replace", "_asdict", "_fields", "_make"}


def module_name(path: pathlib.Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def our_files() -> dict[str, pathlib.Path]:
    """All files of the product by the names of their modules."""
    paths = [*ROOT.glob("econtext/**/*.py"), *ROOT.glob("ansible_econtext/**/*.py")]
    return {module_name(path): path for path in paths}


def defined_in(node: ast.AST) -> set[str]:
    """The functions, classes, variables, and attributes of `self` that are defined here.

    What is stored in any other object is not: that object may be ansible-core's.
    """
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(each.name)
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
        elif isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
            found |= {each.attr} if is_own(each) else set()
    return found


def is_own(attribute: ast.Attribute) -> bool:
    return ast.unparse(attribute.value) in ("self", "cls", "super()")


@functools.cache
def full_names(path: pathlib.Path) -> dict[str, str]:
    """What a file's names of modules and classes stand for."""
    found = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.ClassDef):
            found.setdefault(node.name, f"{module_name(path)}.{node.name}")
    return found


def full_name(expression: ast.AST, path: pathlib.Path) -> str:
    first, dot, rest = ast.unparse(expression).partition(".")
    return full_names(path).get(first, first) + dot + rest


@functools.cache
def defined_by_class(name: str) -> set[str]:
    """What a class of ours defines, or one of ours that it derives from; nothing of others."""
    module, _, own_name = name.rpartition(".")
    path = our_files().get(module)
    found = set()
    for node in ast.walk(tree(path)) if path else ():
        if isinstance(node, ast.ClassDef) and node.name == own_name:
            found |= defined_in(node)
            for base in node.bases:
                found |= defined_by_class(full_name(base, path))
    return found


def defined_for(path: pathlib.Path) -> set[str]:
    """What the file itself defines, and the classes of ours that it names."""
    found = defined_in(tree(path))
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute | ast.Name):
            found |= defined_by_class(full_name(node, path))
    for name in full_names(path).values():
        found |= defined_by_class(name)
    return found


def private_parts_of_others(path: pathlib.Path) -> list[ast.Attribute]:
    """Where a file takes a private name from an object, and nothing of ours defines that name."""
    public = PUBLIC | defined_for(path)
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.endswith("__")
        and not is_own(node)
        and node.attr not in public
    ]


@by_name(ANSIBLE_LAYER)
def test_only_core_and_patches_know_private_parts_of_ansible_core(path):
    """No other module imports a private name of `ansible`, or takes one from an object of its.

    `self._x` is allowed: our plugins inherit it from a class that is there to be extended.
    """
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] != "ansible" or not [part for part in parts if part.startswith("_")], name
    found = private_parts_of_others(path)
    told = [f"line {node.lineno}: {ast.unparse(node)}" for node in found]
    assert not told, "\n".join(told)


def test_a_name_that_another_file_defines_is_told(tmp_path, monkeypatch):
    """Those that the file defines, or a class that it imports, are not."""
    base = "class Base:\n    def _of_base(self): self._kept = 1\n"
    imported = "from ansible_econtext.base import Base\nclass Own(Base): _of_own = 1\n"
    uses = ["_of_own", "_of_using", "_of_base", "_kept", "_of_other", "_stored"]
    using = (
        "from ansible_econtext import own\n"
        "def _of_using(): return own.Own()\n"
        "def use(task):\n    task._stored = 1\n"
    )
    other = "class Other:\n    _of_other = 1\n"
    layer = tmp_path / "ansible_econtext"
    layer.mkdir()
    using += "".join(f"    print(task.{name})\n" for name in uses)
    for name, text in {"base": base, "own": imported, "using": using, "other": other}.items():
        (layer / f"{name}.py").write_text(text, encoding="ascii")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    for cached in (our_files, full_names, defined_by_class):
        cached.cache_clear()
    try:
        found = {node.attr for node in private_parts_of_others(layer / "using.py")}
    finally:
        for cached in (our_files, full_names, defined_by_class):
            cached.cache_clear()
    assert found == {"_of_other", "_stored"}


# Law 3


@by_name(SANS_IO)
def test_protocol_code_does_no_io(path):
    banned = {"os", "socket", "subprocess", "select", "selectors", "time", "threading", "asyncio"}
    assert not banned & {name.split(".")[0] for name in imports(path)}
    called = {
        node.func.id
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "print", "input", "exec", "eval"}


# Law 5


#: What reads bytes of a slave or of a client.
READS_OTHERS = [
    *SHIPPED,
    *ROOT.glob("econtext/controller/**/*.py"),
    *ROOT.glob("ansible_econtext/broker/**/*.py"),
    *ROOT.glob("ansible_econtext/client/**/*.py"),
]


@by_name(sorted(set(READS_OTHERS)))
def test_nothing_is_pickled(path):
    unsafe = {"pickle", "cPickle", "marshal", "shelve", "dill"}
    assert not unsafe & {name.split(".")[0] for name in imports(path)}


# The tests

#: How the names of those begin that fail where something is not as it should be.
CHECKS = ("assert", "check", "expect", "raises")


@by_name(sorted(ROOT.glob("tests/*/test_*.py")))
def test_each_test_asserts_something(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            called = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
            checks = [each for each in called if last_name(each).startswith(CHECKS)]
            asserts = [each for each in ast.walk(node) if isinstance(each, ast.Assert)]
            assert checks or asserts, node.name


def last_name(node: ast.AST) -> str:
    return getattr(node, "attr", None) or getattr(node, "id", "")
