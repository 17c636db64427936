#!/usr/bin/python
import json
import sys

arguments = json.loads(r"""<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>""")
ours = sorted(key for key in arguments if not key.startswith("_ansible"))
print(
    json.dumps(
        {"changed": False, "keys": ours, "value": arguments.get("value"), "argc": len(sys.argv)}
    )
)
