"""Finds the source of a module on the controller, to be sent to a target."""

import dataclasses
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder

from econtext.target.store import digest_of

#: The name under which a target gets the script that the controller runs.
SCRIPT = "__script__"

#: Packages within packages that are looked through.
_MAX_DEPTH = 32


@dataclasses.dataclass(frozen=True)
class Source:
    """One module as it is sent."""

    name: str
    is_package: bool
    content: bytes

    @property
    def filename(self) -> str:
        """What tracebacks on the target show."""
        path = self.name.replace(".", "/")
        return f"memory:{path}/__init__.py" if self.is_package else f"memory:{path}.py"

    def entry(self) -> tuple[str, bool, str, bytes]:
        """The module as a manifest lists it (`econtext.target.store`)."""
        return self.name, self.is_package, self.filename, digest_of(self.content)


def find(name: str) -> Source | None:
    """The source of the module `name`; None where there is none to be had.

    A target may ask for any name: no module is imported here in order to answer.
    """
    try:
        if name == SCRIPT:
            path = getattr(sys.modules["__main__"], "__file__", None)
            return Source(name, False, pathlib.Path(path).read_bytes()) if path else None
        spec = _spec(name)
        if spec is None:
            return None
        is_package = spec.submodule_search_locations is not None
        if spec.origin is None or not spec.has_location:
            return Source(name, True, b"") if is_package else None  # a namespace package
        if not spec.origin.endswith(".py"):
            return None  # compiled: it would not run elsewhere
        return Source(name, is_package, pathlib.Path(spec.origin).read_bytes())
    except (OSError, ImportError, ValueError):
        return None


def _spec(name: str) -> ModuleSpec | None:
    """What importlib.util.find_spec gives, but that imports the packages above."""
    parts = name.split(".")
    if len(parts) > _MAX_DEPTH or not all(part.isidentifier() for part in parts):
        return None
    spec = importlib.util.find_spec(parts[0])
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    for length in range(2, len(parts) + 1):
        known = ".".join(parts[:length])
        loaded = getattr(sys.modules.get(known), "__spec__", None)
        spec = loaded or PathFinder.find_spec(known, places)
        if spec is None:
            return None
        if spec.origin is None:  # a namespace, whose own list of places imports its parent
            inner = [os.path.join(place, parts[length - 1]) for place in places]
            places = [place for place in inner if os.path.isdir(place)]
        else:
            places = list(spec.submodule_search_locations or ())
    return spec


def with_parents(name: str) -> Iterator[Source]:
    """The module and the packages above it, from the outermost."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        source = find(".".join(parts[:length]))
        if source is not None:
            yield source


def importable(function: object) -> tuple[str, str]:
    """(module, qualified name) under which a target finds `function`.

    Raises TypeError for what has no such name: a lambda, a function inside
    another one, a method of an object.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    bound = getattr(function, "__self__", None)
    method = bound is not None and not isinstance(bound, (type, type(sys)))
    if not callable(function) or not module or not name or "<" in name or method:
        raise TypeError(f"{function!r} cannot be called elsewhere: it has no importable name")
    if isinstance(bound, type):  # a class's method, by the class that it was taken from
        module, name = bound.__module__, f"{bound.__qualname__}.{name.rpartition('.')[2]}"
    if module == "__main__":
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        module = spec.name if spec is not None else SCRIPT
    return module, name


def is_everywhere(module: str) -> bool:
    """Whether each Python has the module, so that it need not be sent."""
    return module.partition(".")[0] in sys.stdlib_module_names
