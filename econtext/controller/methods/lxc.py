"""Launch of a slave in a running container of LXC."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(container: str, python: str | None = None) -> Launch:
    """Return the launch of a slave in a container, with an environment of its own."""
    argv = ("lxc-attach", "--clear-env", "-n", container, "--", *first_stage.in_shell(python))
    return Launch(f"lxc.{container}", argv)
