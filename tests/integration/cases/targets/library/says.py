"""A module for every Python that ansible-core 2.16 has modules for."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.six import text_type


def main():
    options = {"text": {"type": "str", "required": True}, "act": {"type": "str", "default": "ok"}}
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    if module.params["act"] == "raise":
        raise ValueError("as asked for")
    if module.params["act"] == "fail":
        module.fail_json(msg="as asked for", text=module.params["text"])
    module.exit_json(
        text=module.params["text"],
        kind=text_type.__name__,
        version=list(sys.version_info[:3]),
        environment=os.environ.get("EXAMPLE"),
        bytecode=sys.dont_write_bytecode,
    )


if __name__ == "__main__":
    main()
