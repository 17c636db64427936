#!/usr/bin/python
"""Return the effects of variables of the environment on the libraries of Python."""

import ctypes
import locale
import ssl
import sys

from ansible.module_utils.basic import AnsibleModule

try:
    import ectx_of_home
except ImportError:
    ectx_of_home = None


def is_perturbed():
    """Return whether malloc filled new memory with one of the bytes that the case asks for."""
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    content = bytearray(ctypes.string_at(library.malloc(100000), 100000))
    return set(content[100:]) in ({0xFF ^ 7}, {0xFF ^ 9})


def main():
    module = AnsibleModule(argument_spec={})
    module.exit_json(
        protocol=str(ssl.create_default_context().minimum_version),
        found=ectx_of_home is not None,
        perturbed=is_perturbed(),
        names=sys.getfilesystemencoding(),
        texts=locale.getpreferredencoding(False),
    )


if __name__ == "__main__":
    main()
