"""Our own modules that the slaves of a broker hold."""

import functools

from econtext.boot.strip import narrow, strip
from econtext.controller import sources
from econtext.controller.link import Link

RUNNER = "ansible_econtext.target.runner"
FILES = "ansible_econtext.target.files"
PROGRAM = "ansible_econtext.target.program"
STAYING = "ansible_econtext.target.staying"

#: What every slave holds, with what they import.
_ALL = (
    FILES,
    "ansible_econtext.target.archive",
    "ansible_econtext.target.commands",
    "ansible_econtext.target.copies",
    "ansible_econtext.target.current_directory",
    "ansible_econtext.target.nameless",
    RUNNER,
    PROGRAM,
)

#: What a slave holds besides when its processes stay.
FOR_STAYING = ("ansible_econtext.target.guard", STAYING)


def provide(link: Link, names: tuple[str, ...] = _ALL) -> None:
    """Have a slave hold these; it costs nothing where it does."""
    link.provide(_sources(names))


@functools.cache
def _sources(names: tuple[str, ...]) -> tuple[sources.Source, ...]:
    """Without comments and docstrings, with their line numbers."""
    found = {
        source.name: source._replace(content=_light(source.content))
        for name in names
        for source in sources.with_parents(name)
    }
    return tuple(found.values())


def _light(content: bytes) -> bytes:
    return narrow(strip(content.decode())).encode()
