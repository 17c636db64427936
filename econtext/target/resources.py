"""Data of packages in memory, for pkgutil and importlib.resources.

No part of the bundle: a call that needs it imports it.  A file or directory of a package has the
name `package/path`; it is asked of the controller, as modules are, and kept as they are.
"""

from __future__ import unicode_literals  # on Python 2, names are text too

import errno
import io
import os

from econtext.target import compat

#: Begin of the file names of modules in memory.
_MEMORY = "memory:"


def get_data(importer, path):
    # type: (object, str) -> bytes
    """Return the content of a file by its path in memory; raises IOError."""
    for module in importer.modules.values():  # type: ignore[attr-defined]
        if module.filename == path:
            return importer.store.content(module.digest)  # type: ignore[attr-defined,no-any-return]
    name = compat.from_native(path)
    if not name.startswith(_MEMORY):
        raise IOError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return Resource(importer, name[len(_MEMORY) :]).read_bytes()


def get_filename(importer, name):
    # type: (object, str) -> str
    return importer.known(name).filename  # type: ignore[attr-defined,no-any-return]


def is_package(importer, name):
    # type: (object, str) -> bool
    return importer.known(name).is_package  # type: ignore[attr-defined,no-any-return]


def get_resource_reader(importer, name):
    # type: (object, str) -> object
    """Return the reader of a package's resources; None if it is none."""
    if not is_package(importer, name):
        return None
    return ResourceReader(Resource(importer, name.replace(".", "/")))


class ResourceReader(object):
    """Reader of one package's resources, for importlib.resources of each Python 3.

    Source: `TraversableResources` in `importlib.resources.abc`, 3.9 to 3.14, and the class of this
    name in `importlib.abc`, 3.7 and 3.8.
    """

    def __init__(self, root):
        # type: (Resource) -> None
        self._root = root

    def files(self):
        # type: () -> Resource
        return self._root

    def open_resource(self, resource):
        # type: (str) -> object
        return io.BytesIO(self._root.joinpath(resource).read_bytes())

    def resource_path(self, resource):
        # type: (str) -> str
        raise FileNotFoundError(resource)  # it has none

    def is_resource(self, path):
        # type: (str) -> bool
        return self._root.joinpath(path).is_file()

    def contents(self):
        # type: () -> list
        return [each.name for each in self._root.iterdir()]


class Resource(object):
    """File or directory of a package in memory, or a path where neither is.

    Source: `Traversable` in `importlib.resources.abc`, 3.9 to 3.14.
    """

    def __init__(self, importer, path):
        # type: (object, str) -> None
        self._importer = importer
        self._path = path
        self.name = path.rpartition("/")[2]

    def __str__(self):
        # type: () -> str
        return _MEMORY + self._path

    def _found(self):
        # type: () -> object
        return self._importer.find(self._path + "/" if "/" not in self._path else self._path)

    def is_dir(self):
        # type: () -> bool
        found = self._found()
        return found is not None and found.is_package  # type: ignore[attr-defined]

    def is_file(self):
        # type: () -> bool
        found = self._found()
        return found is not None and not found.is_package  # type: ignore[attr-defined]

    def read_bytes(self):
        # type: () -> bytes
        return self._content(False, errno.ENOENT)

    def _content(self, is_directory, missing):
        # type: (bool, int) -> bytes
        """Return the content; raises IOError with the number `missing` if it is of another kind."""
        found = self._found()
        if found is None or found.is_package != is_directory:  # type: ignore[attr-defined]
            raise IOError(missing, os.strerror(missing), str(self))
        digest = found.digest  # type: ignore[attr-defined]
        return self._importer.store.content(digest)  # type: ignore[attr-defined,no-any-return]

    def read_text(self, encoding=None, errors=None):
        # type: (object, object) -> str
        return self.open("r", encoding, errors).read()  # type: ignore[attr-defined,no-any-return]

    def open(self, mode="r", encoding=None, errors=None, **options):
        # type: (str, object, object, object) -> object
        stream = io.BytesIO(self.read_bytes())
        if "b" in mode:
            return stream
        return io.TextIOWrapper(stream, encoding, errors, **options)  # type: ignore[arg-type]

    def iterdir(self):
        # type: () -> object
        names = self._content(True, errno.ENOTDIR).decode("utf-8").split("/")
        return iter([self.joinpath(name) for name in names if name])

    def joinpath(self, *names):
        # type: (str) -> Resource
        path = "/".join([self._path] + [str(name) for name in names])
        return Resource(self._importer, path)

    __truediv__ = joinpath
