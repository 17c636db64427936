"""Launch of a slave of another account, through sudo."""

import re
import secrets

from econtext.boot import first_stage
from econtext.controller.launch import Launch
from econtext.controller.prompts import Dialogue

#: sudo's messages in English; in another language, a second prompt means a refusal.
INCORRECT = (b"Sorry, try again.",)
MISSING = (b"sudo: a password is required", b"sudo: a terminal is required")


def launch(
    username: str = "root", password: str | None = None, python: str | None = None
) -> Launch:
    """Return the launch of a slave through sudo.

    The marker tells that sudo has ended its part: before that, sudo would take the bundle
    for the password.
    """
    nonce = secrets.token_hex(8)
    marker, prompt = f"econtext-ready-{nonce}", f"econtext-password-{nonce}:"
    argv = ["sudo", "-H", "-u", username]
    argv += ["-n"] if password is None else ["-S", "-p", prompt]
    pythons = [python] if python else first_stage.PYTHONS
    argv += ["--", "/bin/sh", "-c", f"echo {marker};exec {first_stage.command(pythons)}"]
    dialogue = Dialogue(
        marker=marker.encode(),
        prompt=re.compile(re.escape(prompt.encode())),
        password=password,
        incorrect=INCORRECT,
        missing=MISSING,
    )
    return Launch(f"sudo.{username}", tuple(argv), dialogue)
