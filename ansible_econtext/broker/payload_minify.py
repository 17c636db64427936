"""Minify the `module_utils` of a payload: remove comments and docstrings.

They are two fifths of the bytes of a first payload.  Line numbers stay the same, and so does
each line that a traceback may show: comments behind code or within brackets, and all of the
module itself.  A payload stays whole if its module reads docstrings or sources.

The tokens are found by a regular expression (`econtext.boot.minify`), since `tokenize` takes
half a second for one payload.  A source in which it finds no end of a string or bracket stays as
it is.
"""

import functools
import re
from collections.abc import Sequence

from ansible_econtext.broker.payload_archive import File
from econtext.boot.minify import strip

#: The package of what modules of ansible-core and of users share.
_SHARED = "ansible.module_utils."

#: Names by which code can read what would be removed.
_SEES = re.compile(rb"__doc__|getdoc|getsource|getcomments|linecache|pydoc|doctest")

#: Replaces a docstring.  For an empty one, a dataclass would make its own.
_DOCSTRING = "'.'"


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
        return strip(source.decode("latin-1"), _DOCSTRING, is_shown=True).encode("latin-1")
    except SyntaxError:
        return source
