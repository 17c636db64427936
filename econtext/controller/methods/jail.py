"""Launch of a slave in a jail of FreeBSD."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(jail: str, username: str | None = None, python: str | None = None) -> Launch:
    """Return the launch of a slave in a jail, by its name or number, of an account there."""
    user = [] if username is None else ["-U", username]
    return Launch(f"jail.{jail}", ("jexec", *user, jail, *first_stage.in_shell(python)))
