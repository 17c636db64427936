"""Provider: keeps the contents and modules that a slave is sent, for its call processes.

A call process has those that had come when it was forked, and asks for others.
"""

import zlib

from econtext.target import codec, compat, store, wire


class Provider(object):
    """Provider of one slave, whose `children` it may answer, by their channels.

    `send(kind, channel, body)` sends a frame upward; `changed()` is called when a process
    that is forked from now on has more than one that was forked before.
    """

    def __init__(self, importer, children, send, changed):
        # type: (object, dict, object, object) -> None
        self._importer = importer
        self._store = importer.store
        self._children = children
        self._send = send
        self._changed = changed
        self._waiting = {}  # type: dict  # name of a module: channels that asked for it

    def keep(self, channel, body):
        # type: (int, bytes) -> None
        for content in codec.decode(zlib.decompress(body)):
            self._store.add(content)

    def sources(self, channel, body):
        # type: (int, bytes) -> None
        new = []
        for entry in codec.decode(body):
            name, module = entry[0], entry[1:]
            if module:
                new.append(store.Module(*module))
                self._importer.modules[compat.native(name)] = new[-1]
            for waiting in self._waiting.pop(name, []):
                if waiting in self._children:
                    self._answer(waiting, name)
        if channel == 0:  # for later calls: each would compile it for itself
            self._compile(new)
            self._changed()

    def want(self, channel, body):
        # type: (int, bytes) -> None
        """Answer a call process that asks for a module, at once or when it has come."""
        name = body.decode("utf-8")
        if compat.native(name) in self._importer.modules:
            self._answer(channel, name)
        else:
            self._waiting.setdefault(name, []).append(channel)
            self._send(wire.WANT, channel, body)

    def _answer(self, channel, name):
        # type: (int, str) -> None
        process = self._children[channel]
        module = self._importer.modules.get(compat.native(name))
        if module is None:
            process.send(wire.SOURCES, codec.encode(None))
            return
        # The call process was forked before the content came: send that too.
        entry = (module.is_package, module.filename, self._store.content(module.digest))
        process.send(wire.SOURCES, codec.encode(entry))

    def warm(self, channel, body):
        # type: (int, bytes) -> None
        """Import and compile a manifest's modules, so that each call finds it done."""
        request = codec.decode(body)
        modules = self._store.manifest(request["manifest"])
        self._importer.import_ahead(modules, request["imports"])
        self._compile(modules.values())
        compat.freeze_memory()
        self._changed()

    def _compile(self, modules):
        # type: (list) -> None
        for module in modules:
            if module.filename.endswith(".py"):
                try:
                    self._store.code(module)
                except Exception:  # for another Python; the call that imports it reports this
                    pass
