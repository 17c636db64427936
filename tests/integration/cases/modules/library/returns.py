#!/usr/bin/python
# -*- coding: utf-8 -*-
"""Returns values of any kind and size."""

import datetime

from ansible.module_utils.basic import AnsibleModule

KINDS = {
    "numbers": lambda: [0, -1, 2**70, 1.5, 1e300, True, None],
    "nested": lambda: {"a": [{"b": [[], {}, [{"c": None}]]}], "": "empty", "ž☃": "ž☃"},
    "controls": lambda: "".join(map(chr, range(1, 32))) + "\x7f\x80\u2028\ufeff\U0001f600",
    "null": lambda: "a\x00b",
    "surrogates": lambda: b"\xff\xfe".decode("utf-8", "surrogateescape"),
    "bytes": lambda: b"bytes \xc5\xbe",
    "moment": lambda: datetime.datetime(2020, 1, 2, 3, 4, 5),
    "set": lambda: {"only"},
    "not_a_number": lambda: float("nan"),
    "large": lambda: ["x" * 1000] * 5000,
    "expressions": lambda: "{{ not_rendered }} {% if %} {# #}",
    "keys": lambda: {1: "one", None: "none", False: "false"},
}


def main():
    module = AnsibleModule(argument_spec={"kind": {"choices": sorted(KINDS)}})
    module.exit_json(value=KINDS[module.params["kind"]](), ansible_facts={"ectx_fact": "a fact"})


if __name__ == "__main__":
    main()
