"""Which ansible-core a test is for."""

from __future__ import annotations

import pytest

from ansible_econtext.core import versions

#: Whether this ansible-core has task threads, and the patches that came with them.
HAS_THREADS = versions.is_known_since((2, 19))

needs_2_19 = pytest.mark.skipif(not HAS_THREADS, reason="ansible-core 2.19 and later")
