"""Takes comments, docstrings and most of the indentation out of a source; line numbers stay.

What a traceback of a slave says then fits the files of the checkout.
"""

import io
import itertools
import token
import tokenize

_SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING}
_ENDS = {token.NEWLINE, tokenize.COMMENT}
_STARTS = {token.NEWLINE, token.INDENT, token.DEDENT, tokenize.ENCODING}


def strip(source: str) -> str:
    """`source` without comments and docstrings; raises tokenize.TokenError or SyntaxError."""
    lines = source.splitlines(keepends=True)
    previous = tokenize.ENCODING
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for each, following in itertools.pairwise(tokens):
        if each.type == tokenize.COMMENT:
            row, column = each.start
            lines[row - 1] = lines[row - 1][:column].rstrip() + "\n"
        elif each.type == token.STRING and previous in _STARTS and following.type in _ENDS:
            _blank(lines, each)
        if each.type not in _SKIPPED:
            previous = each.type
    return "".join(line if line.strip() else "\n" for line in lines)


def narrow(source: str) -> str:
    """`source` with a space for each four that a line begins with: what is within a string
    stays.  Raises as `strip` does."""
    lines = source.splitlines(keepends=True)
    kept: set[int] = set()
    for each in tokenize.generate_tokens(io.StringIO(source).readline):
        kept.update(range(each.start[0] + 1, each.end[0] + 1))
    for row, line in enumerate(lines, 1):
        width = len(line) - len(line.lstrip(" "))
        if row not in kept:
            lines[row - 1] = " " * (width // 4) + line[width - width % 4 :]
    return "".join(lines)


def _blank(lines: list[str], docstring: tokenize.TokenInfo) -> None:
    """Leave an empty string: a function may have no other body."""
    first, column = docstring.start
    last, end = docstring.end
    rest = lines[last - 1][end:]
    lines[first - 1] = lines[first - 1][:column] + '""' + ("\n" if last > first else rest)
    for row in range(first + 1, last + 1):
        lines[row - 1] = rest if row == last and rest.strip() else "\n"
