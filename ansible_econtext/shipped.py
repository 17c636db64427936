"""Our own modules that every slave of a broker holds."""

import functools

from econtext.boot.strip import narrow, strip
from econtext.controller import sources
from econtext.controller.link import Link

RUNNER = "ansible_econtext.target.runner"
FILES = "ansible_econtext.target.files"
PROGRAM = "ansible_econtext.target.program"
STAYING = "ansible_econtext.target.staying"

#: With what they import.
_ALL = (
    FILES,
    "ansible_econtext.target.archive",
    "ansible_econtext.target.commands",
    "ansible_econtext.target.copies",
    "ansible_econtext.target.current_directory",
    "ansible_econtext.target.nameless",
    RUNNER,
    PROGRAM,
    STAYING,
)


def provide(link: Link) -> None:
    """Have a slave hold them; it costs nothing where it does."""
    link.provide(_sources())


@functools.cache
def _sources() -> tuple[sources.Source, ...]:
    """Without comments and docstrings, with their line numbers."""
    found = {
        source.name: source._replace(content=_light(source.content))
        for name in _ALL
        for source in sources.with_parents(name)
    }
    return tuple(found.values())


def _light(content: bytes) -> bytes:
    return narrow(strip(content.decode())).encode()
