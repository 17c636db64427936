#!/usr/bin/python
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    import no_such_library
except ImportError:
    no_such_library = None
    WHY = traceback.format_exc()


def main():
    module = AnsibleModule(argument_spec={"at_import": {"type": "bool"}})
    if module.params["at_import"]:
        import no_such_library_either  # noqa: F401
    if no_such_library is None:
        module.fail_json(msg=missing_required_lib("no_such_library"))


if __name__ == "__main__":
    main()
