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
        for name in ("codec", "wire", "flow_control", "compression")
    ),
    ROOT / "econtext/controller/prompts.py",
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


@functools.cache
def defined_by_us() -> set[str]:
    """All names and attributes that our own code defines."""
    found = set()
    for path in [*ROOT.glob("econtext/**/*.py"), *ROOT.glob("ansible_econtext/**/*.py")]:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                found |= names(node)
    return found


@by_name(ANSIBLE_LAYER)
def test_only_core_and_patches_know_private_parts_of_ansible_core(path):
    """No other module imports a private name of `ansible`, or takes one from an object of its.

    `self._x` is allowed: our plugins inherit it from a class that is there to be extended.
    """
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] != "ansible" or not [part for part in parts if part.startswith("_")], name
    public = PUBLIC | defined_by_us()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr not in public:
            private = node.attr.startswith("_") and not node.attr.endswith("__")
            own = ast.unparse(node.value) in ("self", "cls", "super()")
            assert own or not private, f"line {node.lineno}: {ast.unparse(node)}"


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


@by_name([path for path in [*SHIPPED, *ROOT.glob("econtext/controller/**/*.py")]])
def test_nothing_is_pickled(path):
    unsafe = {"pickle", "cPickle", "marshal", "shelve", "dill"}
    assert not unsafe & {name.split(".")[0] for name in imports(path)}
