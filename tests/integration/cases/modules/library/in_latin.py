#!/usr/bin/python
# -*- coding: latin-1 -*-
from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={}).exit_json(text=u"café", length=len(u"café"))
