"""Cache of the payloads that ansible-core builds, which outlives the run.

A build takes 80 to 250 ms.  An entry is the file that ansible-core keeps for the rest of a
run, with the path, time and size of each source.  A later run uses it if all are the same.
``ANSIBLE_ECONTEXT_BUILDS=0`` turns it off.
"""

import base64
import contextlib
import hashlib
import io
import json
import os
import pathlib
import shutil
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from ansible_econtext import settings
from ansible_econtext.client import endpoint
from ansible_econtext.core import module_builds

#: Seconds after which the builds of an unused ansible-core are removed.
_OLD = 30 * 24 * 3600

#: State of a file or directory: [path, time of the last change in ns, size].
Stamp = list[Any]


def keep() -> None:
    """Keep the builds of this process, and use the ones of earlier runs."""
    module_builds.around(_build)


#: Keys of the builds of this process, which ansible-core keeps for the rest of the run.
_built: set[tuple[str, ...]] = set()


def _build(module_path: str, compression: str, build: Callable[[], Any]) -> Any:
    key = module_builds.directory_of_run(), module_path, compression
    if key in _built:
        return build()
    built = _build_first(module_path, compression, build)
    _built.add(key)
    return built


def _build_first(module_path: str, compression: str, build: Callable[[], Any]) -> Any:
    if not settings.is_on("BUILDS"):
        return build()
    entry, kept = None, None
    with contextlib.suppress(OSError):
        kept = module_builds.kept_at(module_path, compression)
        if (
            kept is not None
            and not kept.exists()
            and not module_builds.has_module_utils_of_others()
        ):
            name = hashlib.sha256(f"{module_path}\n{kept.name}".encode()).hexdigest()
            entry = _directory() / name
            if _restore(entry, kept):
                entry = None
    built = build()
    if entry is not None and kept is not None:
        with contextlib.suppress(OSError):
            _store(entry, kept, pathlib.Path(module_path))
    return built


def _directory() -> pathlib.Path:
    """Return the directory for builds of this ansible-core; raises OSError."""
    key = (*module_builds.VERSION, *sys.version_info[:2])
    home = endpoint.private_home()
    directory = home / "builds" / hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    if not directory.is_dir():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for other in directory.parent.iterdir():
            if time.time() - other.stat().st_mtime > _OLD:
                shutil.rmtree(other, ignore_errors=True)
    return directory


def _restore(entry: pathlib.Path, kept: pathlib.Path) -> bool:
    """Write a valid entry to where ansible-core looks; return whether it is one."""
    try:
        head, _, content = entry.read_bytes().partition(b"\n")
        digest, stamps = json.loads(head)
        if digest != hashlib.sha256(content).hexdigest():
            return False  # damaged
        if not all(stamp == _stamp(pathlib.Path(stamp[0])) for stamp in stamps):
            return False
    except (OSError, ValueError, LookupError, TypeError):
        return False
    kept.parent.mkdir(exist_ok=True)
    _write(kept, content)
    return True


def _store(entry: pathlib.Path, kept: pathlib.Path, module_path: pathlib.Path) -> None:
    """Make an entry of a build, if each of its files is ansible-core's own."""
    sources = list(_sources(kept, module_path))
    if None in sources:
        return
    files = {path for path in sources if path is not None} | {module_builds.REDIRECTS}
    stamps = [_stamp(path) for path in sorted(files | {path.parent for path in files})]
    content = kept.read_bytes()
    head = json.dumps([hashlib.sha256(content).hexdigest(), stamps])
    _write(entry, head.encode() + b"\n" + content)


def _sources(kept: pathlib.Path, module_path: pathlib.Path) -> Iterator[pathlib.Path | None]:
    """Yield the source of each file in a build; None if that is not an unchanged file."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(module_builds.archive_of(kept)))) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            path = module_builds.ROOT / name
            if name in module_builds.MADE_UP:
                continue
            if name.startswith("ansible/") and path.is_file() and path.read_bytes() == content:
                yield path
            else:
                yield None


def _stamp(path: pathlib.Path) -> Stamp:
    status = path.stat()
    # The size of a directory depends on the file system.
    return [str(path), status.st_mtime_ns, 0 if path.is_dir() else status.st_size]


def _write(path: pathlib.Path, content: bytes) -> None:
    """Write a file whole or not at all, as other runs may read it meanwhile."""
    part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        part.touch(mode=0o600)
        part.write_bytes(content)
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
