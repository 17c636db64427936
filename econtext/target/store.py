"""Store of a slave: contents that it was sent, by their hash, and compiled code.

A *manifest* lists modules as (name, is_package, filename, digest).  The contents
are kept apart, so that those that two payloads share are sent and compiled once.
"""

import hashlib

from econtext.target import codec, compat


class Store(object):
    """Store of one slave's contents, manifests and code objects."""

    def __init__(self):
        # type: () -> None
        self._contents = {}  # type: dict
        self._code = {}  # type: dict
        self._manifests = {}  # type: dict

    def add(self, content):
        # type: (bytes) -> bytes
        """Keep `content`, and return its digest."""
        digest = digest_of(content)
        self._contents[digest] = content
        return digest

    def content(self, digest):
        # type: (bytes) -> bytes
        """Return a content; raises KeyError if it never came."""
        return self._contents[digest]

    def manifest(self, digest):
        # type: (bytes) -> dict
        """Return the modules of a manifest, by name; raises KeyError if it never came."""
        if digest not in self._manifests:
            entries = codec.decode(self._contents[digest])
            self._manifests[digest] = {str(entry[0]): Module(*entry[1:]) for entry in entries}
        return self._manifests[digest]

    def code(self, module):
        # type: (Module) -> object
        """Return the code object of `module`; raises what `compile` raises."""
        key = (module.digest, module.filename)
        if key not in self._code:
            source = self._contents[module.digest]
            # dont_inherit: the module's own __future__ imports count, not this file's.
            self._code[key] = compile(source, module.filename, "exec", 0, True)
        return self._code[key]


class Module(object):
    """Entry of a module: its kind, its file name in tracebacks, its content's digest."""

    def __init__(self, is_package, filename, digest):
        # type: (bool, str, bytes) -> None
        self.is_package = is_package
        self.filename = compat.native(filename)
        self.digest = digest


def digest_of(content):
    # type: (bytes) -> bytes
    return hashlib.sha256(content).digest()
