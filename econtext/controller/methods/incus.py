"""Launch of a slave in an instance of Incus, through its client."""

from econtext.controller.launch import Launch
from econtext.controller.methods import lxd


def launch(instance: str, project: str | None = None, python: str | None = None) -> Launch:
    """Return the launch of a slave in an instance of Incus; arguments as of lxd."""
    return lxd.by("incus", "incus", instance, project, python)
