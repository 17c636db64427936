"""The warnings, deprecations and errors that ansible-playbook says on standard error."""

from __future__ import annotations

import re

from .normalise import normalise

BEGINS = re.compile(r"^(?=\[(?:DEPRECATION )?WARNING\]: |\[ERROR\]: )", re.MULTILINE)

LEFT_OUT = re.compile(
    # ansible-core 2.19 and later announce the end of strategies that are not its own; to the
    # first deprecation of a run, whichever it is, they add how to silence them.
    r"\[DEPRECATION WARNING\]: .*strategy plugin"
    r"|\[WARNING\]: Deprecation warnings can be disabled"
    # ansible-core 2.16 says so of a host that does not answer, with pipelining alone: without it,
    # the host has failed before.
    r"|\[WARNING\]: Unhandled error in Python interpreter discovery for host \S+: Failed to connect"
)

#: ansible-core breaks lines at this width, where the output is no terminal.
WIDTH = 79


def warned(said: str) -> list[str]:
    """Each message once, in order of the alphabet: when one comes is often nobody's choice."""
    messages = {normalise(_unwrapped(part)) for part in BEGINS.split(said) if BEGINS.match(part)}
    return sorted(message for message in messages if not LEFT_OUT.match(message))


def _unwrapped(message: str) -> str:
    """As one line. A word that is longer than a line is broken too, then without a blank."""
    lines = message.rstrip().splitlines()
    return "".join(line if len(line) == WIDTH else line + " " for line in lines).rstrip()
