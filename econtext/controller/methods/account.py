"""Base of the launches that lead to another account, by a program that may ask for a password."""

import re
import secrets
from typing import NamedTuple

from econtext.boot import first_stage
from econtext.controller.prompts import ANY_STREAM, ASKED, Dialogue


class Marked(NamedTuple):
    """Shell script that starts a slave, and the marker that it prints before.

    The marker tells that the program before it has ended its part: until then the program would
    take the bundle for the password.
    """

    marker: bytes
    script: str

    def dialogue(
        self,
        password: str | None,
        incorrect: tuple[bytes, ...],
        missing: tuple[bytes, ...] = (),
        prompt: re.Pattern[bytes] = ASKED,
    ) -> Dialogue:
        """Return the dialogue with the program, which asks on any of its streams."""
        return Dialogue(self.marker, ANY_STREAM, prompt, password, incorrect, missing)


def marked(python: str | None) -> Marked:
    """Return a script under `python`, or the first that is found, with a marker of its own."""
    marker = f"econtext-ready-{secrets.token_hex(8)}"
    pythons = [python] if python else first_stage.PYTHONS
    return Marked(marker.encode(), f"echo {marker};exec {first_stage.command(pythons)}")
