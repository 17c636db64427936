"""Launch of a slave in a running container, through docker's client or podman's."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(container: str, username: str | None = None, python: str | None = None) -> Launch:
    """Return the launch of a slave in a running container of docker.

    `container` is its name or number, `username` an account there, the container's own if None.
    """
    return by("docker", container, username, python)


def by(program: str, container: str, username: str | None, python: str | None) -> Launch:
    """Return the launch through a program whose `exec` is docker's."""
    user = [] if username is None else ["-u", username]
    argv = (program, "exec", "-i", *user, "--", container, *first_stage.in_shell(python))
    return Launch(f"{program}.{container}", argv)
