"""Launch plans of slaves, made of the hops that workers describe."""

import re

from ansible_econtext.client.route import Hop
from econtext.controller.launch import Launch
from econtext.controller.methods import ssh
from econtext.controller.prompts import Dialogue


def of(hop: Hop, parent: str) -> Launch:
    """Return the plan to start a hop's slave; `parent` is its parent's name or ""."""
    name = f"{parent}.{hop['name']}" if parent else hop["name"]
    if hop["kind"] == "ssh":
        password = hop["password"]
        dialogue = ssh.dialogue(password, hop["prompt"])
        argv = tuple(ssh.own_connection(hop["argv"]))
        return Launch(name, argv, dialogue, password is not None, is_network=True)
    if hop["kind"] != "become":
        return Launch(name, tuple(hop["argv"]))
    prompt = hop["prompt"]
    dialogue = Dialogue(
        marker=hop["marker"],
        prompt=re.compile(re.escape(prompt)) if prompt else None,
        password=hop["password"],
        incorrect=tuple(hop["incorrect"]),
        missing=tuple(hop["missing"]),
    )
    return Launch(name, tuple(hop["argv"]), dialogue, prompt_timeout=hop["timeout"])
