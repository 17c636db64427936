"""Launch of a slave in an instance of LXD, through its client."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(instance: str, project: str | None = None, python: str | None = None) -> Launch:
    """Return the launch of a slave in an instance of LXD.

    `instance` may have the name of a remote before it ("remote:name").
    """
    return by("lxc", "lxd", instance, project, python)


def by(program: str, name: str, instance: str, project: str | None, python: str | None) -> Launch:
    """Return the launch through a client whose `exec` is that of LXD."""
    within = [] if project is None else ["--project", project]
    # Without -T the client makes a terminal if it has one itself.
    argv = (program, "exec", *within, "-T", instance, "--", *first_stage.in_shell(python))
    return Launch(f"{name}.{instance}", argv, is_network=":" in instance)
