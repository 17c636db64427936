"""How the broker starts the slave at the end of a step."""

import re

from ansible_econtext.client.route import Step
from econtext.controller.launch import Launch
from econtext.controller.methods import ssh
from econtext.controller.prompts import Dialogue


def of(step: Step, parent: str) -> Launch:
    """The plan to start the slave at the end of a step; `parent` is its parent's name."""
    name = f"{parent}.{step['name']}" if parent else step["name"]
    if step["kind"] == "ssh":
        password = step["password"]
        dialogue = ssh.dialogue(password, step["prompt"])
        argv = tuple(ssh.own_connection(step["argv"]))
        return Launch(name, argv, dialogue, password is not None, is_network=True)
    if step["kind"] != "become":
        return Launch(name, tuple(step["argv"]))
    prompt = step["prompt"]
    dialogue = Dialogue(
        marker=step["marker"],
        prompt=re.compile(re.escape(prompt)) if prompt else None,
        password=step["password"],
        incorrect=tuple(step["incorrect"]),
        missing=tuple(step["missing"]),
    )
    return Launch(name, tuple(step["argv"]), dialogue, prompt_timeout=step["timeout"])
