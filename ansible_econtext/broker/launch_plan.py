"""Launch plans of slaves, made of the hops that workers describe."""

import re

from ansible_econtext.client.route import Hop
from econtext.controller.launch import Launch
from econtext.controller.methods import ssh
from econtext.controller.prompts import ANY_STREAM, Dialogue

#: Seconds that a login has in any case: `timeout` is 10 by default, as stock Ansible waits for the
#: connection alone, and for what follows without a limit.
_LOGIN = 60.0


def of(hop: Hop, parent: str) -> Launch:
    """Return the plan to start a hop's slave; `parent` is its parent's name or ""."""
    name = f"{parent}.{hop.name}" if parent else hop.name
    if hop.kind == "ssh":
        dialogue = ssh.dialogue(hop.password, hop.prompt)
        argv = tuple(ssh.for_slaves(hop.argv))
        timeout = max(_LOGIN, hop.timeout)
        return Launch(name, argv, dialogue, hop.terminal, hop.is_network, timeout=timeout)
    if hop.kind != "become":
        return Launch(name, tuple(hop.argv), is_network=hop.is_network)
    dialogue = Dialogue(
        marker=hop.marker,
        asks_on=ANY_STREAM,
        prompt=re.compile(hop.prompt) if hop.prompt else None,
        password=hop.password,
        incorrect=hop.incorrect,
        missing=hop.missing,
    )
    return Launch(name, tuple(hop.argv), dialogue, hop.terminal, prompt_timeout=hop.timeout)
