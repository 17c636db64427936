"""Find what a function's module imports of its own package, to send it in one go.

Without it, a target asks for one module after the other, each for a round trip.
"""

import re
from collections import deque
from collections.abc import Iterator

from econtext.controller.sources import Source, with_parents

#: Bytes of sources that are sent ahead at the most, as the slave compiles them at once, for some
#: 0.3 s; a target asks for the rest.
MOST = 1 << 18

#: Statements that are not indented: those of functions may never run.
_IMPORT = re.compile(
    r"^(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|.*)|import[ \t]+(.*))", re.MULTILINE
)
_NAME = re.compile(r"([\w.]+)(?:\s+as\s+\w+)?")
_COMMENT = re.compile(r"#.*")


def with_imports(name: str) -> Iterator[Source]:
    """Yield a module and all that it imports of its own top package, with the packages above.

    Modules that are imported by these are among them, until they are more than `MOST` bytes.
    """
    waiting, asked, size = deque([name]), {name}, 0
    known: set[str] = set()
    while waiting:
        for source in with_parents(waiting.popleft(), known):
            known.add(source.name)
            size += len(source.content)
            if size > MOST and len(asked) > 1:
                return
            yield source
            new = [each for each in imported(source) if each not in asked]
            asked.update(new)
            waiting += new


def imported(source: Source) -> list[str]:
    """Return names that a module imports of its own top package; not all need be modules."""
    top = source.name.partition(".")[0]
    parts = source.name.split(".")
    package = parts if source.is_package else parts[:-1]
    found: dict[str, None] = {}
    for dots, base, names, plain in _IMPORT.findall(source.content.decode("utf-8", "replace")):
        if dots:
            above = package[: max(0, len(package) - len(dots) + 1)]
            base = ".".join([*above, base] if base else above)
        listed = _NAME.findall(_COMMENT.sub("", names or plain))
        found.update(
            dict.fromkeys([base, *(f"{base}.{each}" for each in listed)] if base else listed)
        )
    return [each for each in found if each.partition(".")[0] == top]
