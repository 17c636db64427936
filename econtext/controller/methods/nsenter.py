"""Launch of a slave in the namespaces of a process of Linux."""

from econtext.boot import first_stage
from econtext.controller.launch import Launch

#: Mounts, host name, IPC, network, processes; root and working directory.
_NAMESPACES = ("-m", "-u", "-i", "-n", "-p", "-r", "-w")


def launch(pid: int, python: str | None = None) -> Launch:
    """Return the launch of a slave beside the process with this number, under its root."""
    argv = ("nsenter", "-t", str(pid), *_NAMESPACES, "--", *first_stage.in_shell(python))
    return Launch(f"nsenter.{pid}", argv)
