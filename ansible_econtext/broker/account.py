"""Which account a module is about to change: it must not be in use."""

from typing import Any


def changed_by(request: dict[str, Any]) -> str:
    """The account that a module is about to change; empty for all others."""
    if request["name"] != "ansible.modules.user":
        return ""
    import json

    return str(json.loads(request["parameters"])["ANSIBLE_MODULE_ARGS"].get("name", ""))
