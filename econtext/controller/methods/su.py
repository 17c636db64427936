"""Launch of a slave of another account, through su."""

from econtext.controller.launch import Launch
from econtext.controller.methods import account

_INCORRECT = (b"su: Authentication failure", b"su: incorrect password")


def launch(
    username: str = "root", password: str | None = None, python: str | None = None
) -> Launch:
    """Return the launch of a slave of another account, through su, with that account's password.

    Raises ValueError for a name that su would take for an option.
    """
    if username.startswith("-"):
        raise ValueError(f"{username!r} is not the name of an account")
    marked = account.marked(python)
    argv = ("su", username, "-c", marked.script)
    terminal = password is not None
    return Launch(f"su.{username}", argv, marked.dialogue(password, _INCORRECT), terminal)
