"""Launch of a slave on the same machine and account, under any Python."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(python: str | None = None) -> Launch:
    """Return the launch of a local slave.

    `python` is a name or path, with arguments if need be; if None, one is looked for.
    """
    pythons = [python] if python else first_stage.PYTHONS
    return Launch("local", ("/bin/sh", "-c", "exec " + first_stage.command(pythons)))
