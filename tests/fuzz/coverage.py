"""Lines of the protocol's files that inputs reach, by `sys.settrace`."""

from __future__ import annotations

import pathlib
import sys
import types
from collections.abc import Callable
from typing import Any

from ansible_econtext.broker import (
    calls,
    handlers,
    payload_archive,
    request,
    sequence,
    warm_processes,
)
from ansible_econtext.client import messages, record
from econtext.controller import channels, greeting, intake, launch, link, prompts
from econtext.target import codec, compression, flow_control, wire

Line = tuple[str, int]

#: What decodes and checks what comes from a slave or a client.
MODULES: tuple[types.ModuleType, ...] = (
    *(wire, codec, compression, flow_control),
    *(link, intake, greeting, channels, prompts, launch),
    *(record, messages, calls, request, handlers, warm_processes, sequence, payload_archive),
)

FILES = {str(module.__file__): module.__name__ for module in MODULES}


def lines_of(function: Callable[[], Any]) -> set[Line]:
    """Return the lines of these files that a function runs."""
    found: set[Line] = set()

    def local(frame: types.FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            found.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def trace(frame: types.FrameType, event: str, argument: Any) -> Any:
        return local if frame.f_code.co_filename in FILES else None

    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(None)
    return found


def lines_in_functions(path: str) -> set[Line]:
    """Return all lines within functions of a file: those outside ran when it was imported."""
    code = compile(pathlib.Path(path).read_text(encoding="utf-8"), path, "exec")
    found: set[Line] = set()
    left = [code]
    while left:
        each = left.pop()
        left += [part for part in each.co_consts if isinstance(part, types.CodeType)]
        if each.co_flags & 0x2:  # CO_NEWLOCALS: a function, not a class or the module
            first = each.co_firstlineno
            found |= {(path, line) for _, _, line in each.co_lines() if line and line != first}
    return found


def report(reached: set[Line]) -> str:
    """Return a table of the share of lines that were reached, by module."""
    rows = []
    for path, name in FILES.items():
        lines = lines_in_functions(path)
        missed = sorted(line for _, line in lines - reached)
        share = 100 * (1 - len(missed) / max(1, len(lines)))
        rows.append(f"{name:42} {share:4.0f} %  not: {', '.join(map(str, missed)) or '-'}")
    return "\n".join(rows)
