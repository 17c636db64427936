"""Take out of a traceback how the module was started, and where it was read from.

ansible-core before 2.19 puts the traceback of a module that raised into its result. The outer
frames are those of the program that started the module: a file that is removed, or ours.
"""

from __future__ import annotations

import re

FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line \d+', re.MULTILINE)

#: What starts a module: stock Ansible's wrapper, or ours, and what both do it with.
STARTS = re.compile(
    r"<stdin>|.*/AnsiballZ_\w+\.py|/proc/\d+/fd/\d+|memory:ansible_econtext/.*|.*\brunpy(\.py)?>?"
)

#: Where the modules of a payload are, in stock Ansible's way and in ours.
PAYLOAD = re.compile(
    r"(/[^\s'\"/]{1,80}){0,12}/ansible_[\w.]+_payload_\w{6,8}/[^\s'\"]*\.zip"
    r"|memory:ansible_payload\.zip"
    r"|/proc/\d+/fd/\d+(?=/ansible/)"
)


def without_start(text: str) -> str:
    """The same text, with shorter tracebacks if there are any."""
    if "Traceback (most recent call last):\n" not in text:
        return text
    kept: list[str] = []
    in_frame = is_kept = False
    for line in text.splitlines(keepends=True):
        frame = FRAME.match(line)
        if frame:
            in_frame, is_kept = True, not STARTS.fullmatch(frame["file"])
        elif in_frame and line.startswith("    "):
            continue  # the source, which is shown where it can be read
        else:
            in_frame, is_kept = False, True
        if is_kept:
            kept.append(PAYLOAD.sub("<payload>", line))
    return "".join(kept)
