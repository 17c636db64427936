"""The account that a module is about to change, and that must not be in use."""

from typing import Any


def changed_by(request: dict[str, Any]) -> str:
    """Return the name of the account that a module request changes; "" if none."""
    if request["name"] != "ansible.modules.user":
        return ""
    import json

    return str(json.loads(request["parameters"])["ANSIBLE_MODULE_ARGS"].get("name", ""))
