"""Launch of a slave in a running container, through podman."""

from econtext.controller.launch import Launch
from econtext.controller.methods import docker


def launch(container: str, username: str | None = None, python: str | None = None) -> Launch:
    """Return the launch of a slave in a running container of podman; arguments as of docker."""
    return docker.by("podman", container, username, python)
