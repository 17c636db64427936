"""First code of a bundle to run: makes the modules under their real names.

The first stage defines two names for it: `parts`, which is this source and then
name and source of each module in turn, and `bundle`, the bytes that held them.
A name that ends in a slash is a package's.  Each module comes after those that it
imports.
"""

import sys
import types

sources = dict(zip(parts[1::2], parts[2::2]))  # type: ignore  # noqa: F821
for part in parts[1::2]:  # type: ignore  # noqa: F821
    name = str(part.decode()).rstrip("/").replace("/", ".")
    module = types.ModuleType(name)
    suffix = "__init__.py" if part[-1:] == b"/" else ".py"
    module.__file__ = "memory:" + str(part.decode()) + suffix
    module.__package__ = name.rpartition(".")[0]
    if part[-1:] == b"/":
        module.__path__ = []
        module.__package__ = name
    sys.modules[name] = module
    if module.__package__ != name:
        setattr(sys.modules[module.__package__], name.rpartition(".")[2], module)
    exec(compile(sources[part], module.__file__, "exec", 0, True), module.__dict__)

from econtext.target import compat, importer, main, store  # noqa: E402

finder = importer.Importer(store.Store())
for part in sources:
    module = sys.modules[str(part.decode()).rstrip("/").replace("/", ".")]
    finder.modules[module.__name__] = store.Module(
        part[-1:] == b"/", module.__file__, finder.store.add(sources[part])
    )
    module.__loader__ = finder
compat.install_finder(finder)
main.main(finder, ("exit;:%05d\n" % len(bundle)).encode() + bundle)  # type: ignore  # noqa: F821
