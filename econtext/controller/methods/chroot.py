"""Launch of a slave under another root directory."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(directory: str, python: str | None = None) -> Launch:
    """Return the launch of a slave whose root directory is `directory`."""
    return Launch(f"chroot.{directory}", ("chroot", directory, *first_stage.in_shell(python)))
