#!/usr/bin/python
"""What a module sees of its own names and source."""

import inspect
import os
import sys

from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule


def attempt(function):
    try:
        return function()
    except Exception as error:
        return type(error).__name__


def main():
    module = AnsibleModule(argument_spec={})
    itself = sys.modules["__main__"]
    module.exit_json(
        name=__name__,
        package=__package__,
        doc=__doc__,
        spec=getattr(globals().get("__spec__"), "name", None),
        tail=__file__.rpartition(".zip")[2],
        argv=len(sys.argv),
        same_main=itself.__dict__ is globals(),
        cached=str(globals().get("__cached__")).rpartition(".zip")[2],
        loader_has_source=hasattr(__loader__, "get_source"),
        readable=os.path.exists(__file__),
        source=attempt(lambda: inspect.getsource(main).splitlines()[0]),
        source_of_basic=attempt(lambda: len(inspect.getsource(basic))),
        file_of_basic=basic.__file__.rpartition(".zip")[2],
        qualified=[AnsibleModule.__module__, getattr(AnsibleModule, "__qualname__", None)],
        modules=sorted(name for name in sys.modules if name.startswith("ansible.modules")),
        fqn=getattr(itself, "_module_fqn", None),
    )


if __name__ == "__main__":
    main()
