"""File operations on the host that wait for the session's next request.

For a module that it cannot pipe, ansible-core makes a temporary directory, writes the module and
its arguments there, and removes all of it when the module has run.  As long as these operations
wait, the module can be run without any of them: the contents of its files are known, and what was
never made need not be removed.
"""

import contextlib
import json
import posixpath
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ansible_econtext.client.messages import Operation


class DeferredOperation(NamedTuple):
    """Operation, and the paths that it is about as ansible-core writes them."""

    operation: Operation
    paths: tuple[str, ...]


class DeferredOperations:
    """Queue of one session's operations."""

    def __init__(self) -> None:
        self._held: list[DeferredOperation] = []

    def __bool__(self) -> bool:
        return bool(self._held)

    def add(self, operation: Operation, *names: str) -> None:
        """Append an operation.

        `names` are its paths, if ansible-core writes them otherwise than the arguments do.  A
        removal of a directory that is still to be made cancels all operations in it instead.
        """
        paths = tuple(map(posixpath.normpath, names or _paths(operation)))
        made = DeferredOperation(("make_directory", *posixpath.split(paths[0])), paths)
        if operation[0] != "remove" or made not in self._take_below(paths[0]):
            self._held.append(DeferredOperation(operation, paths))

    def take(self) -> list[DeferredOperation]:
        """Remove and return all operations."""
        held, self._held = self._held, []
        return held

    def put_back(self, held: list[DeferredOperation]) -> None:
        """Insert operations in front of all others."""
        self._held[:0] = held

    def contents(self, paths: Sequence[str]) -> list[bytes] | None:
        """Return what these files will hold; None unless operations write all of them."""
        written = {
            held.paths[0]: held.operation[2] for held in self._held if held.operation[0] == "write"
        }
        names = [posixpath.normpath(path) for path in paths]
        return [written[name] for name in names] if all(n in written for n in names) else None

    def written(self) -> bytes:
        """Return what all files will hold, one after the other."""
        writes = (held.operation for held in self._held if held.operation[0] == "write")
        return b"\n".join(operation[2] for operation in writes)

    def are_hidden_from(self, parameters: bytes) -> bool:
        """Return whether no operation is about a file that a module with these parameters names.

        All are about directories that are still to be made, or about files in these.  Such a
        directory has a name that was drawn at random.  `parameters` are JSON; that they tell the
        module of its task's temporary directory does not count.
        """
        made = [held.paths[0] for held in self._held if held.operation[0] == "make_directory"]
        paths = [path for held in self._held for path in held.paths]
        if not made or not all(any(_is_below(path, top) for top in made) for path in paths):
            return not paths
        arguments = json.loads(parameters.decode("utf-8", "surrogateescape"))["ANSIBLE_MODULE_ARGS"]
        named = json.dumps({**arguments, "_ansible_tmpdir": None})
        return not any(posixpath.basename(top) in named for top in made)

    @contextlib.contextmanager
    def without(self, directory: str) -> Iterator[None]:
        """Set the operations in a directory aside, and put them back at the end."""
        aside = self._take_below(posixpath.normpath(directory))
        try:
            yield
        finally:
            self.put_back(aside)

    def _take_below(self, path: str) -> list[DeferredOperation]:
        """Remove and return the operations on a path and below it.

        Returns nothing, and removes nothing, if one of them is about another path as well.
        """
        below: list[DeferredOperation] = []
        rest: list[DeferredOperation] = []
        for held in self._held:
            inside = [_is_below(one, path) for one in held.paths]
            if any(inside) and not all(inside):
                return []
            (below if all(inside) else rest).append(held)
        self._held = rest
        return below


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(posixpath.join(top, ""))


def _paths(operation: Operation) -> Sequence[str]:
    """Return the paths in the arguments of an operation."""
    name, *arguments = operation
    if name == "make_directory":
        return [posixpath.join(*arguments)]
    return arguments[0] if name == "add_owner_bits" else arguments[:1]
