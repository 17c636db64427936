"""The account that a module is about to change, and that must not be in use."""

from ansible_econtext.client.messages import Module


def changed_by(module: Module) -> str:
    """Return the name of the account that a module changes; "" if none."""
    if module.name != "ansible.modules.user":
        return ""
    import json

    return str(json.loads(module.parameters)["ANSIBLE_MODULE_ARGS"].get("name", ""))
