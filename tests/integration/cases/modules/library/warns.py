#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.warnings import warn


def main():
    module = AnsibleModule(
        argument_spec={
            "fail": {"type": "bool", "default": False},
            "old": {"removed_in_version": "9.9", "removed_from_collection": "ansible.builtin"},
            "text": {
                "aliases": ["alias"],
                "deprecated_aliases": [
                    {"name": "alias", "version": "9.9", "collection_name": "ansible.builtin"}
                ],
            },
        }
    )
    module.warn("a warning")
    warn("another warning")
    module.deprecate("a thing is old", version="9.9")
    module.deprecate("a thing is older", date="2099-01-01", collection_name="ansible.builtin")
    module.log("to the system's log")
    if module.params["fail"]:
        module.fail_json(msg="failed as asked for", detail=["one"])
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
