"""What a slave was sent and keeps in memory: contents by their hash, and compiled code.

A *manifest* lists modules as (name, is_package, filename, digest); the contents
are kept apart, so that what two payloads share is sent and compiled once.
"""

import hashlib

from econtext.target import codec


class Store(object):
    """Contents, manifests and code objects of one slave."""

    def __init__(self):
        # type: () -> None
        self._contents = {}  # type: dict
        self._code = {}  # type: dict
        self._manifests = {}  # type: dict

    def add(self, content):
        # type: (bytes) -> bytes
        """Keep `content`; its digest."""
        digest = digest_of(content)
        self._contents[digest] = content
        return digest

    def content(self, digest):
        # type: (bytes) -> bytes
        """Raises KeyError for what never came."""
        return self._contents[digest]

    def manifest(self, digest):
        # type: (bytes) -> dict
        """The modules of a manifest that was sent as a content, by name."""
        if digest not in self._manifests:
            entries = codec.decode(self._contents[digest])
            self._manifests[digest] = {str(entry[0]): Module(*entry[1:]) for entry in entries}
        return self._manifests[digest]

    def code(self, module):
        # type: (Module) -> object
        """The code object of `module`; raises SyntaxError as a compiler does."""
        key = (module.digest, module.filename)
        if key not in self._code:
            source = self._contents[module.digest]
            # dont_inherit: the module's own __future__ imports count, not ours.
            self._code[key] = compile(source, module.filename, "exec", 0, True)
        return self._code[key]


class Module(object):
    """Where a module is to be had: its kind, its file name in tracebacks, its content."""

    def __init__(self, is_package, filename, digest):
        # type: (bool, str, bytes) -> None
        self.is_package = is_package
        self.filename = str(filename)
        self.digest = digest


def digest_of(content):
    # type: (bytes) -> bytes
    return hashlib.sha256(content).digest()
