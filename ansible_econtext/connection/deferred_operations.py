"""What is to be done to files on the host, and waits for the next request.

ansible-core makes a temporary directory for a module that it cannot pipe, writes the module
and its arguments there, and removes all of it when the module has run.  As long as these wait
here, the module can be run without any of them: its files' contents are known, and what was
never made need not be removed.
"""

import contextlib
import posixpath
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class Held(NamedTuple):
    #: Of `target.files`: its name, then its arguments.
    operation: tuple[Any, ...]
    #: What it is about, as ansible-core says it.
    paths: tuple[str, ...]


class Waiting:
    """Operations in their order."""

    def __init__(self) -> None:
        self._held: list[Held] = []

    def __bool__(self) -> bool:
        return bool(self._held)

    def add(self, operation: tuple[Any, ...], *names: str) -> None:
        """Have an operation wait.  `names` are the paths that it is about, where ansible-core
        has others for them than are in its arguments."""
        paths = tuple(map(posixpath.normpath, names or _paths(operation)))
        made = Held(("make_directory", *posixpath.split(paths[0])), paths)
        if operation[0] != "remove" or made not in self._take_below(paths[0]):
            self._held.append(Held(operation, paths))

    def take(self) -> list[Held]:
        """All of them, which wait no longer."""
        held, self._held = self._held, []
        return held

    def put_back(self, held: list[Held]) -> None:
        """Have these wait again, before all others."""
        self._held[:0] = held

    def contents(self, paths: Sequence[str]) -> list[bytes] | None:
        """What these files will hold; None where one of them is not written by what waits."""
        written = {
            held.paths[0]: held.operation[2] for held in self._held if held.operation[0] == "write"
        }
        names = [posixpath.normpath(path) for path in paths]
        return [written[name] for name in names] if all(n in written for n in names) else None

    @contextlib.contextmanager
    def without(self, directory: str) -> Iterator[None]:
        """Go on without what is about a directory; at the end it waits again."""
        aside = self._take_below(posixpath.normpath(directory))
        try:
            yield
        finally:
            self.put_back(aside)

    def _take_below(self, path: str) -> list[Held]:
        """Take out what is about a path and what is below it; nothing, where something else
        is mixed with it."""
        below: list[Held] = []
        rest: list[Held] = []
        for held in self._held:
            inside = [_is_below(one, path) for one in held.paths]
            if any(inside) and not all(inside):
                return []
            (below if all(inside) else rest).append(held)
        self._held = rest
        return below


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(posixpath.join(top, ""))


def _paths(operation: tuple[Any, ...]) -> Sequence[str]:
    """The paths in the arguments of an operation."""
    name, *arguments = operation
    if name == "make_directory":
        return [posixpath.join(*arguments)]
    return arguments[0] if name == "add_owner_bits" else arguments[:1]
