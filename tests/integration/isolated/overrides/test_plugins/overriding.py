"""Tests by the names of some of ansible-core's and Jinja2's: true in their process's first call."""

from __future__ import annotations

_calls: list[object] = []


def first_call(value, *arguments):
    _calls.append(value)
    return len(_calls) == 1


class TestModule:
    def tests(self):
        return dict.fromkeys(["subset", "divisibleby"], first_call)
