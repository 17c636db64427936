"""A payload as a file: for another interpreter, and for resources, which are no modules.

The file has no name where the system allows it, and is gone with its process.
"""

import atexit
import os
import shutil
import tempfile
import zipfile

from ansible_econtext.target import memfd

#: The module by which others start themselves again under another interpreter: it and the
#: interpreters that it tries look for ansible-core's modules beside its own file.
RESPAWN = "ansible.module_utils.common.respawn"

#: By it (ansible-core 2.21 and later) a module reads what else its payload holds.
_EMBED = "ansible.module_utils.embed"


def is_needed(modules):
    # type: (dict) -> bool
    """Whether memory will not do for these modules."""
    return RESPAWN in modules or has_resources(modules)


def has_resources(modules):
    # type: (dict) -> bool
    """Whether there is more to read than modules: the name of another file is its path."""
    return _EMBED in modules or any("/" in name for name in modules)


def make(modules, store, library):
    # type: (dict, object, str) -> str
    """Write the files to an archive; a path by which our own user's processes can open it.

    `library` is the directory in which the modules' file names place them.
    """
    descriptor, path = _file()
    with os.fdopen(os.dup(descriptor), "w+b") as target:
        archive = zipfile.ZipFile(target, "w")
        for module in modules.values():
            name = module.filename[len(library) + 1 :]
            # A date of its own: the host's may be before 1980, which archives cannot say.
            archive.writestr(zipfile.ZipInfo(name), store.content(module.digest))
        archive.close()
    return path


def _file():
    # type: () -> tuple
    """(descriptor, path) of an empty file."""
    for descriptor in memfd.files("ansible_payload.zip"):
        return descriptor, memfd.path(descriptor)
    directory = tempfile.mkdtemp(prefix="ansible_payload_")
    atexit.register(shutil.rmtree, directory, True)
    path = os.path.join(directory, "ansible_payload.zip")
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600), path
