"""A lookup by the name of one of ansible-core's, which counts its calls."""

from __future__ import annotations

from ansible.plugins.lookup import LookupBase

_calls: list[object] = []


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        _calls.append(terms)
        return [f"{term} {len(_calls)}" for term in terms]
