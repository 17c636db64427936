#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.of_role_too import WHOSE

AnsibleModule(argument_spec={}).exit_json(module="first", utility=WHOSE)
