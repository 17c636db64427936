#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.greeting import greeting


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "times": {"type": "int", "default": 1},
            "secret": {"type": "str", "no_log": True},
            "old": {"type": "str", "aliases": ["older"]},
        },
        supports_check_mode=True,
    )
    module.exit_json(
        changed=module.check_mode,
        text=[greeting(module.params["name"])] * module.params["times"],
        secret_back=module.params["secret"],
    )


if __name__ == "__main__":
    main()
