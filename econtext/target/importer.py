"""Importer from memory: modules that came with the bundle, later or in a payload.

A module that is not in memory is asked of the controller if `ask` is set and the
controller offered its package; all others are left to the usual import system.
"""

import sys
import types

from econtext.target import compat

#: Methods of an importer that few calls need: a module that each call may ask for.
RESOURCES = "econtext.target.resources"


class Importer(object):
    """Finder and loader for sys.meta_path, of both protocols (PEP 302 and 451)."""

    def __init__(self, store):
        # type: (object) -> None
        self.store = store
        self.modules = {}  # type: dict  # name: store.Module
        self.offered = frozenset()  # type: frozenset  # packages that may be asked for
        self.ask = None  # type: object
        self.warm = {}  # type: dict  # name: digest, of what was imported ahead of time

    def use(self, modules):
        # type: (dict) -> None
        """Make modules importable, in place of others of the same names.

        Modules that were imported ahead stay if their contents are the same.  If one
        differs, all are dropped: they may refer to each other.
        """
        for name, digest in self.warm.items():
            if name in modules and modules[name].digest != digest:
                self.forget()
                break
        self.modules.update(modules)

    def forget(self):
        # type: () -> None
        """Drop the modules that were imported ahead."""
        for name in self.warm:
            sys.modules.pop(name, None)
        self.warm = {}

    def import_ahead(self, modules, names):
        # type: (dict, list) -> None
        """Import `names`, of these modules, before any fork.

        Does nothing if modules were imported ahead before.  Raises nothing.
        """
        if self.warm:
            return
        self.modules.update(modules)
        before = set(sys.modules)
        try:
            for name in names:
                if name in self.modules:
                    __import__(str(name))
        except Exception:  # the call process that needs it meets the error, and reports it
            for name in set(sys.modules) - before:
                if name in modules:
                    del sys.modules[name]
        for name in modules:
            del self.modules[name]
        self.warm = {
            name: modules[name].digest
            for name in modules
            if name in sys.modules and name not in before
        }

    def find(self, name):
        # type: (str) -> object
        """Return the module of a name, or the file or directory of a package, `name/path`."""
        if name in self.modules:
            return self.modules[name]
        package = name.replace("/", ".").partition(".")[0]
        if self.ask is not None and (package in self.offered or name == RESOURCES):
            module = self.ask(name)  # type: ignore[operator]
            if module is not None:
                self.modules[name] = module
            return module
        return None

    # The protocol of Python 3.

    def find_spec(self, name, path=None, target=None):
        # type: (str, object, object) -> object
        module = self.find(name)
        if module is None:
            return None
        return compat.spec_from_loader(name, self, module.filename, module.is_package)

    def create_module(self, spec):
        # type: (object) -> None
        return None

    def exec_module(self, module):
        # type: (object) -> None
        exec(self.get_code(module.__name__), module.__dict__)  # type: ignore[attr-defined]

    # The protocol of Python 2.

    def find_module(self, name, path=None):
        # type: (str, object) -> object
        return self if self.find(name) is not None else None

    def load_module(self, name):
        # type: (str) -> object
        if name in sys.modules:
            return sys.modules[name]
        found = self.modules[name]
        module = types.ModuleType(str(name))
        module.__file__ = found.filename
        module.__loader__ = self
        module.__package__ = name if found.is_package else name.rpartition(".")[0]
        if found.is_package:
            module.__path__ = [found.filename.rpartition("/")[0]]
        sys.modules[name] = module
        try:
            self.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return sys.modules[name]

    def at_path(self, path):
        # type: (str) -> object
        """Return the finder for an entry of `__path__`; raises ImportError if not its own."""
        if not path.startswith("memory:"):
            raise ImportError("not in memory")
        return self

    # Both protocols: for runpy, linecache, inspect and pkgutil.

    def get_code(self, name):
        # type: (str) -> object
        return self.store.code(self.known(name))

    def get_source(self, name):
        # type: (str) -> str
        return compat.decode_source(self.store.content(self.known(name).digest))

    def __getattr__(self, name):
        # type: (str) -> object
        """Return a method that few calls need: `resources` is no part of the bundle."""
        if name not in ("get_data", "get_filename", "get_resource_reader", "is_package"):
            raise AttributeError(name)
        from econtext.target import resources

        return lambda argument: getattr(resources, name)(self, argument)

    def known(self, name):
        # type: (str) -> object
        """Return a module that is in memory; raises ImportError."""
        if name not in self.modules:
            raise ImportError("not in memory: %s" % name)
        return self.modules[name]
