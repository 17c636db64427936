"""Takes out of a payload what a target cannot see: comments and docstrings of module_utils.

They are two fifths of what a first payload weighs.  Line numbers stay, and so does each line
that a traceback may show: comments behind code or within brackets, and all of the module
itself.  Nothing is taken where a file asks for docstrings or sources.

By a regular expression (`econtext.boot.minify`), since `tokenize` takes half a second for one
payload; a source that it does not understand to the end stays as it is.
"""

import functools
import re
from collections.abc import Sequence

from ansible_econtext.broker.payload_archive import File
from econtext.boot.minify import TOKENS

#: Where ansible-core and its users have what modules share.
_SHARED = "ansible.module_utils."

#: Names by which code can see what would be taken out.
_SEES = re.compile(rb"__doc__|getdoc|getsource|getcomments|linecache|pydoc|doctest")

_TOKENS = re.compile(TOKENS.encode(), re.DOTALL)
_NOTHING_MORE = re.compile(rb"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_INDENT = re.compile(rb"[ \t]*")
_COMMENT = ord("#")
_CODING = re.compile(rb"coding[:=]")

#: In place of a docstring: an empty one would be none to a dataclass, which then makes its own.
_DOCSTRING = b"'.'"


class _NotUnderstood(Exception):
    """The source is not what the expression takes it for."""


def lighten(files: Sequence[File]) -> list[File]:
    """The files of a payload, each as light as can be."""
    others = (file for file in files if not file.name.startswith(_SHARED))
    if any(_SEES.search(file.content) for file in others):
        return list(files)
    return [
        file._replace(content=without_notes(file.content))
        if file.name.startswith(_SHARED) and file.filename.endswith(".py")
        else file
        for file in files
    ]


@functools.lru_cache(maxsize=1024)
def without_notes(source: bytes) -> bytes:
    """A source without docstrings and without comments that have a line of their own."""
    if _SEES.search(source):
        return source
    try:
        return _without_notes(source)
    except _NotUnderstood:
        return source


def _without_notes(source: bytes) -> bytes:
    parts: list[bytes] = []
    end = depth = 0  # of what was copied; of brackets
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
        elif depth == 0 and _is_note(source, token):
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
    """Whether a string has expressions in it that do not end in it: they hold others."""
    start = token.start()
    is_formatted = b"f" in source[max(0, start - 2) : start].lower()
    return is_formatted and token[0].count(b"{") != token[0].count(b"}")


def _is_note(source: bytes, token: re.Match[bytes]) -> bool:
    """Whether it is a comment or a docstring, and all that is in its lines."""
    start = source.rfind(b"\n", 0, token.start()) + 1
    before = source[start : token.start()].lstrip(b" \t")
    if token[0][0] == _COMMENT:
        is_coding = _CODING.search(token[0]) and source.count(b"\n", 0, start) < 2
        return not before and not is_coding
    goes_on = source[max(0, start - 3) : start].endswith((b"\\\n", b"\\\r\n"))
    alone = _NOTHING_MORE.match(source, token.end()) is not None
    return before in (b"", b"r", b"R", b"u", b"U") and alone and not goes_on
