#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ectx.sample.plugins.module_utils.words import words

AnsibleModule(argument_spec={"name": {"default": "nobody"}}).exit_json(deep=words("deep"))
