"""Unpack the archive of a payload, as ansible-core builds it.  No I/O.

Source: `_find_module_utils` in ansible-core's `executor/module_common.py`, 2.16 to 2.21.
"""

import base64
import io
import posixpath
import zipfile
from typing import NamedTuple

#: The path under which a payload's modules appear in tracebacks.  It ends as
#: ansible-core's does: deprecations are attributed by it (2.19 and later).
LIBRARY = "memory:ansible_payload.zip"


class File(NamedTuple):
    """Module of a payload, or a resource, whose name is its path in the archive."""

    name: str
    is_package: bool
    filename: str
    content: bytes


def unpack(archive: bytes) -> list[File]:
    """Return the files in a payload's archive; raises ValueError if it is damaged."""
    try:
        return _unpack(archive)
    except Exception as error:  # zipfile and zlib raise many kinds
        raise ValueError(f"not an archive of modules: {error}") from error


def _unpack(archive: bytes) -> list[File]:
    files = []
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(archive))) as source:
        for path in source.namelist():
            stem, suffix = posixpath.splitext(path)
            is_package = posixpath.basename(path) == "__init__.py"
            name = (posixpath.dirname(stem) if is_package else stem).replace("/", ".")
            if suffix != ".py":
                name = path
            files.append(File(name, is_package, f"{LIBRARY}/{path}", source.read(path)))
    return files
