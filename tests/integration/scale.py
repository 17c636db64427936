"""How much of what differs from other tests in its scale alone is tested.

All of it where the environment variable ECONTEXT_TEST_ALL is set, as `make matrix` does.
"""

from __future__ import annotations

import os

import pytest

ALL = bool(os.environ.get("ECONTEXT_TEST_ALL"))

#: Of a test, or of its parameters, that is only another scale of what other tests show.
another_scale = pytest.mark.skipif(
    not ALL, reason="only another scale of other tests: ECONTEXT_TEST_ALL asks for it"
)

#: In which many tasks run at once.
MANY_HOSTS = 8 if ALL else 3
