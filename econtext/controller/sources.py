"""Finds the source of a module on the controller, to be sent to a target."""

import dataclasses
import importlib.util
import pathlib
import sys
from collections.abc import Iterator

from econtext.target.store import digest_of

#: The name under which a target gets the script that the controller runs.
SCRIPT = "__script__"


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
    """The source of the module `name`; None where there is none to be had."""
    if name == SCRIPT:
        path = getattr(sys.modules["__main__"], "__file__", None)
        return Source(name, False, pathlib.Path(path).read_bytes()) if path else None
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    is_package = spec.submodule_search_locations is not None
    if spec.origin is None or not spec.has_location:
        return Source(name, True, b"") if is_package else None  # a namespace package
    if not spec.origin.endswith(".py"):
        return None  # compiled: it would not run elsewhere
    return Source(name, is_package, pathlib.Path(spec.origin).read_bytes())


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
    if module == "__main__":
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        module = spec.name if spec is not None else SCRIPT
    return module, name


def is_everywhere(module: str) -> bool:
    """Whether each Python has the module, so that it need not be sent."""
    return module.partition(".")[0] in sys.stdlib_module_names
