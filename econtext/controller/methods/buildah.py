"""Launch of a slave in a container that buildah works on."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(container: str, username: str | None = None, python: str | None = None) -> Launch:
    """Return the launch of a slave in a working container of buildah."""
    user = [] if username is None else ["--user", username]
    argv = ("buildah", "run", *user, "--", container, *first_stage.in_shell(python))
    return Launch(f"buildah.{container}", argv)
