#!/usr/bin/python
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, respawn_module
from ansible.module_utils.greeting import greeting


def main():
    module = AnsibleModule(argument_spec={"interpreter": {}, "text": {}})
    if not has_respawned():
        respawn_module(module.params["interpreter"] or sys.executable)
    module.exit_json(
        text=greeting(module.params["text"]), respawned=has_respawned(), major=sys.version_info[0]
    )


if __name__ == "__main__":
    main()
