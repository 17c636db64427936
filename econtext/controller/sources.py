"""Find the sources of modules on the controller, to send them to a target."""

import functools
import re
import sys
from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from econtext.boot.minify import narrow, strip
from econtext.target.store import digest_of

if TYPE_CHECKING:
    from importlib.abc import Traversable
    from importlib.machinery import ModuleSpec

#: The name that the controller's own script has on a target.
SCRIPT = "__script__"

#: Names in a module's dotted name at the most.
_MAX_DEPTH = 32


class Source(NamedTuple):
    """Source of one module, or data of a package, as it is sent."""

    name: str
    is_package: bool
    content: bytes

    @property
    def filename(self) -> str:
        """The file name that tracebacks on the target show."""
        if "/" in self.name:  # data
            return f"memory:{self.name}"
        path = self.name.replace(".", "/")
        return f"memory:{path}/__init__.py" if self.is_package else f"memory:{path}.py"

    def entry(self) -> tuple[str, bool, str, bytes]:
        """Return the module's entry in a manifest (`econtext.target.store`)."""
        return self.name, self.is_package, self.filename, digest_of(self.content)


def package_of(name: str) -> str:
    """Return the outermost package of a module, or of a file of a package (`package/path`)."""
    return name.replace("/", ".").partition(".")[0]


def find(name: str) -> Source | None:
    """Return the source of the module `name`; None if there is none.

    `package/path` is a file of a package, or a directory, whose content is the names in it.

    A target may ask for any name, so that no module is imported to answer:
    importlib.util.find_spec would import the packages above it.
    """
    is_data = "/" in name
    parts = name.removesuffix("/").split("/") if is_data else name.split(".")
    is_allowed = _is_plain if is_data else str.isidentifier
    if len(parts) > _MAX_DEPTH or not all(map(is_allowed, parts)):
        return None
    try:
        if name == SCRIPT:
            path = getattr(sys.modules["__main__"], "__file__", None)
            return Source(name, False, _place(path).read_bytes()) if path else None
        if is_data:
            return _data(name, _places(parts))
        if len(parts) > 1:
            return _submodule(name, _places(parts[:-1]), parts[-1])
        top = _top(name)
        if top is None:
            return None
        places = _places(parts)
        return _package(name, places) if places else _module(name, _place(top.origin or ""))
    except (OSError, ImportError, ValueError):
        return None


def _top(package: str) -> "ModuleSpec | None":
    import importlib.util  # a broker needs it late, if at all

    return importlib.util.find_spec(package)


def _places(parts: Sequence[str]) -> "list[Traversable]":
    """Return where a package, or a file or directory of one, may be; each is there or not."""
    top = _top(parts[0])
    places = [_place(path) for path in (top and top.submodule_search_locations) or ()]
    for part in parts[1:]:
        places = [place.joinpath(part) for place in places if place.is_dir()]
    return places


def _submodule(name: str, places: "list[Traversable]", last: str) -> Source | None:
    for place in places:
        if not _is_package(place.joinpath(last)):
            module = _module(name, place.joinpath(f"{last}.py"))
            if module is not None:
                return module
    return _package(name, [place.joinpath(last) for place in places])


def _is_plain(part: str) -> bool:
    return part not in ("", ".", "..")


def _place(path: str) -> "Traversable":
    """Return a file or directory, which may be in a zip archive; raises OSError."""
    import pathlib
    import zipfile

    whole = pathlib.Path(path)
    for archive in whole.parents if not whole.exists() else ():
        if archive.is_file() and zipfile.is_zipfile(archive):
            return zipfile.Path(archive).joinpath(*whole.relative_to(archive).parts)
    return whole


def _is_package(place: "Traversable") -> bool:
    return place.joinpath("__init__.py").is_file()


def _module(name: str, place: "Traversable") -> Source | None:
    if not place.name.endswith(".py") or not place.is_file():
        return None  # built in or compiled: it would not run on a target
    return Source(name, False, place.read_bytes())


def _package(name: str, places: "list[Traversable]") -> Source | None:
    for place in places:
        if _is_package(place):
            return Source(name, True, place.joinpath("__init__.py").read_bytes())
    is_namespace = any(place.is_dir() for place in places)
    return Source(name, True, b"") if is_namespace else None


def _data(name: str, places: "list[Traversable]") -> Source | None:
    """Return the first file among these places, or the directories' names together."""
    for place in places:
        if place.is_file():
            return Source(name, False, place.read_bytes())
    directories = [place for place in places if place.is_dir()]
    names = {each.name for place in directories for each in place.iterdir()}
    return Source(name, True, "/".join(sorted(names)).encode()) if directories else None


def whereabouts(text: str, offered: frozenset[str]) -> str:
    """Return where a target looked for the module that an ImportError names; "" if it names none.

    `offered` are the packages that the target may have from here.  Python 2 gives the last part of
    a name alone, and no quotes.
    """
    named = re.search(r"No module named '([\w.]{1,200})'", text)
    if named is None:
        return ""
    name = named[1]
    package = package_of(name)
    if package not in offered:
        return f"{name} was looked for on the target alone: {package} is not offered to it"
    import importlib.machinery

    *above, last = name.split(".")
    try:
        places = [place for place in _places(above) if place.is_dir()] if above else []
        for each in (each for place in places for each in place.iterdir()):
            is_compiled = each.name.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
            if is_compiled and each.name.partition(".")[0] == last:
                return f"{each} is compiled for this machine, and is not sent"
    except (OSError, ImportError, ValueError):
        places = []
    looked = ", ".join(map(str, places)) or "sys.path"
    return f"{name} was looked for here, in {looked}, and on the target"


@functools.cache
def minified(name: str) -> Source:
    """Return the minified source of a module that targets are sent; line numbers stay."""
    source = find(name)
    assert source is not None
    return source._replace(content=narrow(strip(source.content.decode())).encode())


def with_parents(name: str, known: Container[str] = ()) -> Iterator[Source]:
    """Yield the packages above a module, from the outermost, then the module.

    Those whose names are `known` are not read.
    """
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        each = ".".join(parts[:length])
        source = find(each) if each not in known else None
        if source is not None:
            yield source


def importable(function: object) -> tuple[str, str]:
    """Return (module, qualified name) under which a target finds `function`.

    Raises TypeError if it has no such name: a lambda, a function inside another one,
    a method of an object.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    bound = getattr(function, "__self__", None)
    method = bound is not None and not isinstance(bound, (type, type(sys)))
    if not callable(function) or not module or not name or "<" in name or method:
        raise TypeError(f"{function!r} cannot be called elsewhere: it has no importable name")
    if isinstance(bound, type):  # a class method, found through its class
        module, name = bound.__module__, f"{bound.__qualname__}.{name.rpartition('.')[2]}"
    if module == "__main__":
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        module = spec.name if spec is not None else SCRIPT
    return module, name


def is_everywhere(module: str) -> bool:
    """Return whether a module is of the standard library, so that it need not be sent."""
    return module.partition(".")[0] in sys.stdlib_module_names
