"""A lookup that fails with a result that no pickle can be made of."""

from __future__ import annotations

import threading

from ansible.errors import AnsibleActionFail
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        raise AnsibleActionFail("refused", result={"lock": threading.Lock()})
