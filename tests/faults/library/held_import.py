#!/usr/bin/python
"""Module whose import is held: it passes a gate before it has read its arguments."""

import os
import subprocess

from ansible.module_utils.basic import AnsibleModule

subprocess.check_call([os.environ["FAULTS_GATE"], "at"])


def main():
    AnsibleModule(argument_spec={}).exit_json(changed=False)


if __name__ == "__main__":
    main()
