"""A lookup that tells how often it was called in the life of its process."""

from __future__ import annotations

from ansible.plugins.lookup import LookupBase

_calls: list[object] = []


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        _calls.append(terms)
        return [f"{term} {len(_calls)}" for term in terms]
