"""Filters by the names of some of ansible-core's and Jinja2's, which count their calls."""

from __future__ import annotations

_calls: list[object] = []


def counted(value, *arguments, **keywords):
    _calls.append(value)
    return f"{value} {len(_calls)}"


class FilterModule:
    def filters(self):
        return dict.fromkeys(["combine", "upper", "b64encode", "basename"], counted)
