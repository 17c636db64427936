"""Launch of a slave on the same machine and account, under any Python."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(python: str | None = None) -> Launch:
    """Return the launch of a slave on this machine and account.

    `python` is a name or path, with arguments if need be; if None, one is looked for.
    """
    return Launch("local", first_stage.in_shell(python))
