"""A test that is true the first time that it is called in the life of its process."""

from __future__ import annotations

_calls: list[object] = []


def first_call(value):
    _calls.append(value)
    return len(_calls) == 1


class TestModule:
    def tests(self):
        return {"first_call": first_call}
