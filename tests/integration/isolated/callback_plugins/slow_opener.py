"""A callback plugin that has whoever installs an opener for URLs wait before it is used.

Threads of one process that do so at the same time then use each other's, each time.
"""

from __future__ import annotations

import time
import urllib.request

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: slow_opener
type: aggregate
short_description: Wait after an opener was installed
description:
  - What goes wrong between threads once in a thousand times is seen in a test.
author: econtext contributors
version_added: "0.1.0"
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "slow_opener"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        stock = urllib.request.install_opener

        def install_opener(opener):
            stock(opener)
            time.sleep(0.05)

        urllib.request.install_opener = install_opener
