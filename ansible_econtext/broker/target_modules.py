"""Modules of `ansible_econtext.target` that the broker's slaves hold."""

import functools

from econtext.boot.minify import narrow, strip
from econtext.controller import sources
from econtext.controller.link import Link

RUNNER = "ansible_econtext.target.module_runner"
FILES = "ansible_econtext.target.file_operations"
PROGRAM = "ansible_econtext.target.program_runner"
FRESHNESS = "ansible_econtext.target.freshness"
WARM_PROCESS = "ansible_econtext.target.warm_process"
TERMINAL = "ansible_econtext.target.terminal"

#: Kinds of errors: the slave is to be replaced, for two reasons, or an operation on files failed.
OUTDATED = f"{FRESHNESS}.Outdated"
ORPHANED = "econtext.target.slave.Orphaned"
REPLACED_FOR = frozenset([OUTDATED, ORPHANED])
OPERATION_ERROR = f"{FILES}.OperationError"

#: The modules that every slave holds, with those that they import.
_ALL = (
    FILES,
    FRESHNESS,
    "ansible_econtext.target.payload_file",
    "ansible_econtext.target.run_command",
    "ansible_econtext.target.memfd",
    RUNNER,
    PROGRAM,
)

#: The modules that a slave with warm processes holds besides.
FOR_WARM_PROCESSES = ("ansible_econtext.target.session_guard", WARM_PROCESS)


def provide(link: Link, names: tuple[str, ...] = _ALL) -> None:
    """Send these modules to a slave, except those that it has."""
    link.holdings.provide(_sources(names))


@functools.cache
def _sources(names: tuple[str, ...]) -> tuple[sources.Source, ...]:
    """Return the minified sources of modules and their packages; line numbers stay."""
    found = {
        source.name: source._replace(content=narrow(strip(source.content.decode())).encode())
        for name in names
        for source in sources.with_parents(name)
    }
    return tuple(found.values())
