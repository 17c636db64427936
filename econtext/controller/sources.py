"""Find the sources of modules on the controller, to send them to a target."""

import functools
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from econtext.boot.minify import narrow, strip
from econtext.target.store import digest_of

#: The name that the controller's own script has on a target.
SCRIPT = "__script__"

#: Names in a module's dotted name at the most.
_MAX_DEPTH = 32


class Source(NamedTuple):
    """Source of one module, as it is sent."""

    name: str
    is_package: bool
    content: bytes

    @property
    def filename(self) -> str:
        """The file name that tracebacks on the target show."""
        path = self.name.replace(".", "/")
        return f"memory:{path}/__init__.py" if self.is_package else f"memory:{path}.py"

    def entry(self) -> tuple[str, bool, str, bytes]:
        """Return the module's entry in a manifest (`econtext.target.store`)."""
        return self.name, self.is_package, self.filename, digest_of(self.content)


def find(name: str) -> Source | None:
    """Return the source of the module `name`; None if there is none.

    A target may ask for any name, so that no module is imported to answer:
    importlib.util.find_spec would import the packages above it.
    """
    parts = name.split(".")
    if len(parts) > _MAX_DEPTH or not all(part.isidentifier() for part in parts):
        return None
    try:
        if name == SCRIPT:
            path = getattr(sys.modules["__main__"], "__file__", None)
            return Source(name, False, _read(path)) if path else None
        import importlib.util  # a broker needs it late, if at all

        top = importlib.util.find_spec(parts[0])
        if top is None:
            return None
        places = list(top.submodule_search_locations or ())
        if len(parts) == 1 and not places:
            return _module(name, top.origin)
        for part in parts[1:-1]:
            places = _within(places, part)
        if len(parts) > 1:
            for place in places:
                path = os.path.join(place, parts[-1])
                if os.path.isfile(f"{path}.py") and not _is_package(path):
                    return _module(name, f"{path}.py")
            places = _within(places, parts[-1])
        return _package(name, places)
    except (OSError, ImportError, ValueError):
        return None


def _within(places: list[str], part: str) -> list[str]:
    """Return the subdirectories of a name in these directories."""
    paths = [os.path.join(place, part) for place in places]
    return [path for path in paths if os.path.isdir(path)]


def _is_package(place: str) -> bool:
    return os.path.isfile(os.path.join(place, "__init__.py"))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _module(name: str, path: str | None) -> Source | None:
    if path is None or not path.endswith(".py"):
        return None  # built in or compiled: it would not run on a target
    return Source(name, False, _read(path))


def _package(name: str, places: list[str]) -> Source | None:
    for place in places:
        if _is_package(place):
            return Source(name, True, _read(os.path.join(place, "__init__.py")))
    return Source(name, True, b"") if places else None  # a namespace package


@functools.cache
def minified(name: str) -> Source:
    """Return the minified source of a module that targets are sent; line numbers stay."""
    source = find(name)
    assert source is not None
    return source._replace(content=narrow(strip(source.content.decode())).encode())


def with_parents(name: str) -> Iterator[Source]:
    """Yield the packages above a module, from the outermost, then the module."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        source = find(".".join(parts[:length]))
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
