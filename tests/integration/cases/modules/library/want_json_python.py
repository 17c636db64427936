#!/usr/bin/python
# WANT_JSON
import json
import os
import sys

with open(sys.argv[1]) as source:
    given = json.load(source)
print(
    json.dumps(
        {
            "changed": False,
            "value": given["value"],
            "count": len(sys.argv),
            "environment": os.environ.get("PYTHONHASHSEED", ""),
            "own_text": open(__file__).readline(),
        }
    )
)
