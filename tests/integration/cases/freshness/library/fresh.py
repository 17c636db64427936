#!/usr/bin/python
"""Return a process's surroundings at its start, and which modules it finds; make one if told."""

import os
import resource
import sys

from ansible.module_utils.basic import AnsibleModule


def finds(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def main():
    options = {"names": {"type": "list", "elements": "str", "default": []}, "make": {"type": "str"}}
    module = AnsibleModule(options)
    found = {name: finds(name) for name in module.params["names"]}
    if module.params["make"] and not os.path.isdir(os.path.dirname(module.params["make"])):
        os.makedirs(os.path.dirname(module.params["make"]))
        open(module.params["make"], "w").close()
    module.exit_json(
        found=found,
        path=[each for each in sys.path if not each.endswith(".zip")],
        variables={name: os.environ[name] for name in os.environ if name.startswith("ECTX")},
        groups=len(os.getgroups()),
        processes=resource.getrlimit(resource.RLIMIT_NPROC),
    )


if __name__ == "__main__":
    main()
