"""Payload as an archive file: for other interpreters, and for resources.

The file is nameless if the system allows it, and gone with its process.
"""

import atexit
import os
import shutil
import tempfile
import zipfile

from ansible_econtext.target import memfd

#: Module by which a module starts itself again under another interpreter.  Both look for
#: ansible-core's modules beside the file of this one.
RESPAWN = "ansible.module_utils.common.respawn"

#: Module by which a module reads resources of its payload (ansible-core 2.21).
_EMBED = "ansible.module_utils.embed"


def is_needed(modules):
    # type: (dict) -> bool
    """Return whether these modules need the payload as a file."""
    return RESPAWN in modules or has_resources(modules)


def has_resources(modules):
    # type: (dict) -> bool
    """Return whether the payload holds resources, whose names are paths."""
    return _EMBED in modules or any("/" in name for name in modules)


def make(modules, store, library):
    # type: (dict, object, str) -> str
    """Write the files to an archive; return the path that this account can open.

    `library` is the directory in which the modules' file names place them.
    """
    descriptor, path = _file()
    with os.fdopen(os.dup(descriptor), "w+b") as target:
        archive = zipfile.ZipFile(target, "w")
        for module in modules.values():
            name = module.filename[len(library) + 1 :]
            # ZipInfo's fixed date: the host's may be before 1980, which zip cannot hold.
            archive.writestr(zipfile.ZipInfo(name), store.content(module.digest))
        archive.close()
    return path


def _file():
    # type: () -> tuple
    """Return (descriptor, path) of an empty file."""
    for descriptor in memfd.files("ansible_payload.zip"):
        return descriptor, memfd.path(descriptor)
    directory = tempfile.mkdtemp(prefix="ansible_payload_")
    atexit.register(shutil.rmtree, directory, True)
    path = os.path.join(directory, "ansible_payload.zip")
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600), path
