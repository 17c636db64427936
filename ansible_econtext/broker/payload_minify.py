"""Minify the `module_utils` of a payload: remove comments and docstrings.

They are two fifths of the bytes of a first payload.  Line numbers stay the same, and so does
each line that a traceback may show: comments behind code or within brackets, and all of the
module itself.  A payload stays whole if its module reads docstrings or sources.

The tokens are found by a regular expression (`econtext.boot.minify`), since `tokenize` takes
half a second for one payload.  A source that it does not match to the end stays as it is.
"""

import functools
import re
from collections.abc import Sequence

from ansible_econtext.broker.payload_archive import File
from econtext.boot.minify import TOKENS

#: The package of what modules of ansible-core and of users share.
_SHARED = "ansible.module_utils."

#: Names by which code can read what would be removed.
_SEES = re.compile(rb"__doc__|getdoc|getsource|getcomments|linecache|pydoc|doctest")

_TOKENS = re.compile(TOKENS.encode(), re.DOTALL)
_NOTHING_MORE = re.compile(rb"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_INDENT = re.compile(rb"[ \t]*")
_COMMENT = ord("#")
_CODING = re.compile(rb"coding[:=]")

#: Replaces a docstring.  For an empty one, a dataclass would make its own.
_DOCSTRING = b"'.'"


class _NotUnderstood(Exception):
    """Raised if a source does not match the expression to its end."""


def minify_shared(files: Sequence[File]) -> list[File]:
    """Return the files of a payload, those of `module_utils` minified if that is safe."""
    others = (file for file in files if not file.name.startswith(_SHARED))
    if any(_SEES.search(file.content) for file in others):
        return list(files)
    return [
        file._replace(content=minified(file.content))
        if file.name.startswith(_SHARED) and file.filename.endswith(".py")
        else file
        for file in files
    ]


@functools.lru_cache(maxsize=1024)
def minified(source: bytes) -> bytes:
    """Return a source without docstrings and without comments on lines of their own."""
    if _SEES.search(source):
        return source
    try:
        return _minified(source)
    except _NotUnderstood:
        return source


def _minified(source: bytes) -> bytes:
    parts: list[bytes] = []
    end = depth = 0  # the end of what was copied; the depth of brackets
    for token in _TOKENS.finditer(source):
        text = token[0]
        if text in b"([{":
            depth += 1
        elif text in b")]}":
            depth -= 1
        elif len(text) == 1 and text != b"#":
            raise _NotUnderstood  # a string without an end
        elif text[0] != _COMMENT and _is_open(source, token):
            raise _NotUnderstood
        elif depth == 0 and _is_removable(source, token):
            start = source.rfind(b"\n", 0, token.start()) + 1
            parts.append(source[end:start])
            if text[0] != _COMMENT:
                parts.append(_INDENT.match(source, start)[0] + _DOCSTRING)  # type: ignore[index]
                parts.append(b"\n" * text.count(b"\n"))
            end = token.end()
    if depth != 0:
        raise _NotUnderstood
    return b"".join(parts) + source[end:]


def _is_open(source: bytes, token: re.Match[bytes]) -> bool:
    """Return whether an f-string's token ends within one of its expressions."""
    start = token.start()
    is_formatted = b"f" in source[max(0, start - 2) : start].lower()
    return is_formatted and token[0].count(b"{") != token[0].count(b"}")


def _is_removable(source: bytes, token: re.Match[bytes]) -> bool:
    """Return whether a token is a comment or docstring, alone in its lines."""
    start = source.rfind(b"\n", 0, token.start()) + 1
    before = source[start : token.start()].lstrip(b" \t")
    if token[0][0] == _COMMENT:
        is_coding = _CODING.search(token[0]) and source.count(b"\n", 0, start) < 2
        return not before and not is_coding
    goes_on = source[max(0, start - 3) : start].endswith((b"\\\n", b"\\\r\n"))
    alone = _NOTHING_MORE.match(source, token.end()) is not None
    return before in (b"", b"r", b"R", b"u", b"U") and alone and not goes_on
