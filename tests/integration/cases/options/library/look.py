#!/usr/bin/python
"""What variables of the environment made of Python."""

from __future__ import annotations

import os
import sys
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={})
    module.exit_json(
        nowhere="/nowhere" in sys.path,
        encoding=sys.stdout.encoding,
        seeded=hash("text") if "PYTHONHASHSEED" in os.environ else None,
        temporary=tempfile.gettempdir(),
        home=os.path.expanduser("~"),
        zone=list(time.tzname),
        text="ž☃",
    )


if __name__ == "__main__":
    main()
