"""Modules of ansible-core that leave nothing behind, or need no files."""

import base64
import io
import zipfile

from ansible_econtext.core import own_files
from ansible_econtext.payload import ansiballz

#: Modules that a warm process may run: they look at files, change files or run commands.  Of their
#: process they change, and read, only variables of their `module_utils` (`basic._ANSIBLE_ARGS` and
#: the like, the warnings, the parsed arguments), the environment, the directory and the umask.
#: Source: their files in `modules/`, and `module_utils/basic.py`, 2.16 to 2.21.
_MODULES = frozenset(
    "ansible.modules." + name
    for name in "blockinfile command copy file lineinfile ping replace slurp stat".split()
)

#: Of these, modules that neither read nor write their task's temporary directory.
#: Source: their files in `modules/`, and the uses of `tmpdir` in `module_utils/basic.py`.
_WITHOUT_TEMPORARY_FILES = frozenset(["ansible.modules.file", "ansible.modules.stat"])

#: What `leaves_nothing` returned for a payload, by its hash.
_known: dict[bytes, bool] = {}


def leaves_nothing(module: ansiballz.Payload) -> bool:
    """Return whether a payload is one of these modules, as ansible-core has it."""
    if module.name not in _MODULES or module.open_files:
        return False
    if module.identity not in _known:
        _known[module.identity] = not own_files.has_module_utils_of_others() and _is_own(module)
    return _known[module.identity]


def needs_no_temporary_files(module: ansiballz.Payload) -> bool:
    """Return whether the task's temporary directory may be missing while this payload runs."""
    return module.name in _WITHOUT_TEMPORARY_FILES and leaves_nothing(module)


def _is_own(module: ansiballz.Payload) -> bool:
    path = module.name.replace(".", "/") + ".py"
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(module.archive))) as archive:
            return archive.read(path) == (own_files.ROOT / path).read_bytes()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return False
