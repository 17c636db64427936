"""Cut a Python source down to its import statements, without compiling it."""

import re

from econtext.boot.minify import TOKENS

#: Strings, comments and brackets, which are passed over, and what is looked for between them.
_TOKEN = re.compile(
    TOKENS.encode()
    + rb"""
    | ^ \f? (?P<indent> [ \t]* ) (?P<statement>
        (?: import | from ) \b (?: [^\n(\\\#;] | \\\n )* (?: \( [^)]* \) )? )
    | (?P<same_line> [:;] [ \t]* (?: import | from ) \b )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def skeleton(source: bytes) -> bytes | None:
    """Return a source with the import statements of `source` alone, in their order.

    One that is not at the top level is in a block of its own.  None if a statement shares its line
    with another one.  A source with an error of syntax gives anything.
    """
    found = []
    for token in _TOKEN.finditer(source):
        if token["same_line"]:
            return None
        if token["statement"]:
            found.append((b"if 1: " if token["indent"] else b"") + token["statement"] + b"\n")
    return b"".join(found)
