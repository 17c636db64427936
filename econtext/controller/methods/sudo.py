"""Launch of a slave of another account, through sudo."""

import re
import secrets

from econtext.controller.launch import Launch
from econtext.controller.methods import account

#: sudo's messages in English; in another language, a second prompt means a refusal.
INCORRECT = (b"Sorry, try again.",)
MISSING = (b"sudo: a password is required", b"sudo: a terminal is required")


def launch(
    username: str = "root", password: str | None = None, python: str | None = None
) -> Launch:
    """Return the launch of a slave of another account, through sudo.

    Raises PasswordError for a wrong or missing password, LaunchError for all else that sudo
    may say.
    """
    marked = account.marked(python)
    prompt = f"econtext-password-{secrets.token_hex(8)}:"
    argv = ["sudo", "-H", "-u", username]
    argv += ["-n"] if password is None else ["-S", "-p", prompt]
    asked = re.compile(re.escape(prompt.encode()))
    dialogue = marked.dialogue(password, INCORRECT, MISSING, asked)
    return Launch(f"sudo.{username}", (*argv, "--", "/bin/sh", "-c", marked.script), dialogue)
