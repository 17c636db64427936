"""Store of payloads: unpacked once for the broker, sent once to each slave."""

from ansible_econtext.broker import payload_archive, payload_minify, target_modules
from ansible_econtext.broker.slave_pool import SlavePool
from ansible_econtext.client.route import Route
from econtext.controller.link import Link
from econtext.target import codec, wire
from econtext.target.store import digest_of

#: Modules that a slave imports before it forks, if it has them: the runners, and modules of
#: ansible-core that every new-style module imports (the last three from 2.19 on).
_IMPORTED_AHEAD = (
    "ansible_econtext.target.module_runner",
    "ansible_econtext.target.program_runner",
    "ansible.module_utils.basic",
    "ansible.module_utils._internal._ansiballz._loader",
    "ansible.module_utils._internal._json._profiles._module_legacy_c2m",
    "ansible.module_utils._internal._json._profiles._module_legacy_m2c",
)


class PayloadStore:
    """Store of unpacked payloads by their identity."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes, list[bytes]]] = {}

    def __contains__(self, identity: bytes) -> bool:
        return identity in self._known

    def add(self, identity: bytes, packed: bytes) -> None:
        """Unpack and keep a payload; raises ValueError if it is no archive of modules."""
        files = payload_minify.minify_shared(payload_archive.unpack(packed))
        entries = [
            (file.name, file.is_package, file.filename, digest_of(file.content)) for file in files
        ]
        self._known[identity] = (codec.encode(entries), [file.content for file in files])

    def send(self, identity: bytes, link: Link) -> bytes:
        """Send a payload to a slave, if it lacks it; return the manifest's digest.

        The slave imports and compiles it before it forks the next call process.
        """
        manifest, contents = self._known[identity]
        digest = digest_of(manifest)
        if digest not in link.warm:
            link.warm.add(digest)
            link.keep([*contents, manifest])
            request = {"manifest": digest, "imports": _IMPORTED_AHEAD}
            link.send(wire.WARM, 0, codec.encode(request))
        return digest

    def send_ahead(self, identity: bytes, slaves: SlavePool, route: Route) -> None:
        """Send a payload to a slave that is being started, right behind the bundle.

        The slave imports it while its greeting travels.  Does nothing if none is being started.
        """

        def send(link: Link) -> None:
            target_modules.provide(link)
            self.send(identity, link)

        slaves.send_ahead(route, send)

    def send_file(self, content: bytes, link: Link) -> bytes:
        """Send a file to a slave, if it lacks it; return the file's digest."""
        digest = digest_of(content)
        if digest not in self._known:
            entries = [("file", False, "file", digest)]
            self._known[digest] = (codec.encode(entries), [content])
        self.send(digest, link)
        return digest
