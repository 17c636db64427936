"""Contents and modules that a slave holds: each is sent to it once."""

import functools
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from econtext.controller import sources
from econtext.target import codec, store, wire

if TYPE_CHECKING:
    from econtext.controller.link import Link


class Holdings:
    """All that a slave was sent to hold.  All methods are for the loop's thread."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        self._digests: set[bytes] = set()
        self._modules: set[str] = set()
        #: Digests of manifests that the slave was told to import and compile ahead.
        self.warm: set[bytes] = set()

    def keep(self, contents: Iterable[bytes]) -> list[bytes]:
        """Send contents to the slave and each slave before it; return their digests."""
        digests = {store.digest_of(content): content for content in contents}
        new = {key: content for key, content in digests.items() if key not in self._digests}
        if new:
            self._digests.update(new)
            process = self._link.process
            relay = getattr(process, "relay", None)
            if relay is not None:  # the parent's copy goes on from there
                process.link.holdings.keep(new.values())  # type: ignore[attr-defined]
                self._link.outlet.flush()
                relay(list(new))
            else:
                self._link.send(wire.STORE, 0, _packed(tuple(new.values())))
        return list(digests)

    def provide(self, modules: Iterable[sources.Source]) -> None:
        """Send modules ahead of their use, if the slave lacks them: saves round trips."""
        new = [source for source in modules if source.name not in self._modules]
        if new:
            self._modules.update(source.name for source in new)
            self.keep([source.content for source in new])
            entries = [source.entry() for source in new]
            self._link.send(wire.SOURCES, 0, codec.encode(entries))

    def provide_function(self, module: str) -> None:
        """Send the module of a function to be called, and what it imports of its own package."""
        if module not in self._modules:
            from econtext.controller import imports_ahead  # no broker needs it

            self.provide(imports_ahead.with_imports(module))


@functools.lru_cache(maxsize=16)
def _packed(contents: tuple[bytes, ...]) -> bytes:
    """Return the body of a STORE frame; cached, as many slaves get the same one."""
    # The highest level takes 18 ms more for a first payload, and saves 1 % of it.
    return zlib.compress(codec.encode(list(contents)))
