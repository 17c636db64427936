"""Minify a source: remove comments, docstrings and most of the indentation.

Line numbers stay the same, so that a slave's tracebacks fit the files of the checkout.

The tokens are found by a regular expression: with `tokenize` a first slave waited 0.08 s
for its bundle.
"""

import re

#: Comments, strings and brackets, by which comments and docstrings are recognised.  Each
#: alternative begins with its own character, so that `re` looks for all at once.  None has a space,
#: which a pattern in `re.VERBOSE` that contains them would lose.
TOKENS = (
    r"\#[^\n]*"
    r'|"""[^\\"]*(?:(?:\\.|"(?!""))[^\\"]*)*"""'
    r"|'''[^\\']*(?:(?:\\.|'(?!''))[^\\']*)*'''"
    r'|"[^\\"\n]*(?:\\.[^\\"\n]*)*"'
    r"|'[^\\'\n]*(?:\\.[^\\'\n]*)*'"
    r"|\(|\)|\[|\]|\{|\}"
    r"|\"|'"  # of a string without an end
)
_TOKENS = re.compile(TOKENS, re.DOTALL)
_BEFORE = re.compile(r"([ \t]*)[rRuU]?\Z")
_NOTHING_MORE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_CODING = re.compile(r"coding[:=]")
_INDENT = re.compile(r"(?<=\n)(?:    )+")


def strip(source: str, docstring: str = '""', is_shown: bool = False) -> str:
    """Return a source without comments, with `docstring` for each docstring.

    Of a source that `is_shown` in tracebacks, what such a line has stays: comments behind code or
    within brackets.  So does a declaration of the encoding.  Raises SyntaxError if brackets or
    strings have no end, or if a shown source has an f-string with quotes in its expressions.
    """
    parts: list[str] = []
    end = depth = 0  # the end of what was copied; the depth of brackets
    for token in _TOKENS.finditer(source):
        text = token[0]
        if text in "([{":
            depth += 1
        elif text in ")]}":
            depth -= 1
        elif text[0] == "#":
            if not is_shown or (depth == 0 and _is_note(source, token)):
                parts.append(source[end : token.start()].rstrip(" \t"))
                end = token.end()
        elif len(text) == 1 or (is_shown and _is_open(source, token)):
            raise SyntaxError("a string without an end")
        elif depth == 0 and (indent := _indent_of_docstring(source, token)) is not None:
            parts.append(source[end : source.rfind("\n", 0, token.start()) + 1])
            # Something stays: a function may have no other body.
            parts.append(indent + docstring + "\n" * text.count("\n"))
            end = token.end()
    if depth != 0:
        raise SyntaxError("brackets that do not fit")
    return "".join(parts) + (source[end:] or "\n")


def _is_note(source: str, token: re.Match[str]) -> bool:
    """Return whether a comment is alone in its line and declares no encoding."""
    start = source.rfind("\n", 0, token.start()) + 1
    is_coding = _CODING.search(token[0]) and source.count("\n", 0, start) < 2
    return not source[start : token.start()].strip(" \t") and not is_coding


def _is_open(source: str, token: re.Match[str]) -> bool:
    """Return whether an f-string's token ends within one of its expressions."""
    is_formatted = "f" in source[max(0, token.start() - 2) : token.start()].lower()
    return is_formatted and token[0].count("{") != token[0].count("}")


def _indent_of_docstring(source: str, token: re.Match[str]) -> str | None:
    """Return the indent of a string that is alone in its lines; None for another."""
    start = source.rfind("\n", 0, token.start()) + 1
    before = _BEFORE.match(source[start : token.start()])
    goes_on = source[max(0, start - 3) : start].endswith(("\\\n", "\\\r\n"))
    if before is None or goes_on or not _NOTHING_MORE.match(source, token.end()):
        return None
    return before[1]


def narrow(source: str) -> str:
    """Return a source with one space for each four of indent, except within strings."""
    parts: list[str] = []
    end = 0
    for token in _TOKENS.finditer(source):
        if "\n" in token[0]:
            parts += [_narrow(source[end : token.start()]), token[0]]
            end = token.end()
    return "".join(parts) + _narrow(source[end:])


def _narrow(code: str) -> str:
    return _INDENT.sub(lambda indent: " " * (len(indent[0]) // 4), code)
