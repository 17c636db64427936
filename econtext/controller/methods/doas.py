"""Launch of a slave of another account, through doas of OpenBSD and its ports."""

from econtext.controller.launch import Launch
from econtext.controller.methods import account

_INCORRECT = (b"doas: Authorization failed", b"doas: Authentication failed")
_MISSING = (b"doas: Authorization required", b"doas: Authentication required")


def launch(
    username: str = "root", password: str | None = None, python: str | None = None
) -> Launch:
    """Return the launch of a slave of another account, through doas, with the caller's password.

    doas asks on a terminal alone.
    """
    marked = account.marked(python)
    quiet = ["-n"] if password is None else []
    argv = ("doas", *quiet, "-u", username, "/bin/sh", "-c", marked.script)
    dialogue = marked.dialogue(password, _INCORRECT, _MISSING)
    return Launch(f"doas.{username}", argv, dialogue, terminal=password is not None)
