"""Emulated ssh of a context: its handle, for the threads of a caller."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from econtext.controller.link import Link

if TYPE_CHECKING:
    from econtext.controller.router import Router


class EmulatedSSH:
    """Handle to a program that takes the place of ssh, until it is closed.

    Made by `Context.emulated_ssh`, never by hand.  For any thread except the router's own.  It is
    a context manager, which closes it.
    """

    def __init__(self, router: "Router", link: Link) -> None:
        self._router = router
        self._server = router.serve_ssh(
            lambda wanted: lambda found: found(link, wanted.command),
        )

    def __enter__(self) -> "EmulatedSSH":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def program(self) -> str:
        """The path of the program, which takes OpenSSH's arguments.

        Whatever host they name, their command runs on the context's slave.
        """
        return self._server.program

    def environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Return a copy of variables in which the program is the first ssh of PATH."""
        return self._server.environment(base)

    def close(self) -> None:
        """Remove the program, and end the commands that it started, without a wait for those."""
        self._router.end_ssh(self._server)
