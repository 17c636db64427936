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


#: Identities that are kept at the most: more than runs add while a slave is being started.
_MAX_IDENTITIES = 2000


class PayloadStore:
    """Store of unpacked payloads by their identity.

    ansible-core writes the time into each archive, so the same payload has another identity in
    each run: such payloads share what is kept.
    """

    def __init__(self) -> None:
        #: Digests of manifests; the identity that was added first stands first.
        self._known: dict[bytes, bytes] = {}
        #: Manifests, and the contents that they list, by the manifest's digest.
        self._manifests: dict[bytes, tuple[bytes, list[bytes]]] = {}

    def __contains__(self, identity: bytes) -> bool:
        return identity in self._known

    def add(self, identity: bytes, packed: bytes) -> None:
        """Unpack and keep a payload; raises ValueError if it is no archive of modules."""
        files = payload_minify.minify_shared(payload_archive.unpack(packed))
        entries = [
            (file.name, file.is_package, file.filename, digest_of(file.content)) for file in files
        ]
        if len(self._known) >= _MAX_IDENTITIES:
            self._forget_first()  # a worker sends it again if need be
        manifest = codec.encode(entries)
        digest = digest_of(manifest)
        self._manifests.setdefault(digest, (manifest, [file.content for file in files]))
        self._known[identity] = digest

    def _forget_first(self) -> None:
        digest = self._known.pop(next(iter(self._known)))
        if digest not in self._known.values():
            del self._manifests[digest]

    def send(self, identity: bytes, link: Link) -> bytes:
        """Send a payload to a slave, if it lacks it; return the manifest's digest.

        The slave imports and compiles it before it forks the next call process.
        """
        digest = self._known[identity]
        _send(digest, *self._manifests[digest], link)
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
        manifest = codec.encode([("file", False, "file", digest)])
        _send(digest_of(manifest), manifest, [content], link)
        return digest


def _send(digest: bytes, manifest: bytes, contents: list[bytes], link: Link) -> None:
    if digest not in link.holdings.warm:
        link.holdings.warm.add(digest)
        link.holdings.keep([*contents, manifest])
        request = {"manifest": digest, "imports": _IMPORTED_AHEAD}
        link.send(wire.WARM, 0, codec.encode(request))
