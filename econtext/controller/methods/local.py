"""A slave on the same machine and account: under another Python, or for trying out."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(python: str | None = None) -> Launch:
    """`python` is a name or path, with arguments if need be; None takes what is there."""
    pythons = [python] if python else first_stage.PYTHONS
    return Launch("local", ("/bin/sh", "-c", "exec " + first_stage.command(pythons)))
