"""Which tests are run, and by which process.

What is more of a kind that other tests have is deselected (support/scale.py).
"""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from tests.support.scale import ALL, more_of_a_kind

#: Files of tests/integration whose tests look at the same runs.
TOGETHER = {
    "test_parity.py",
    "test_targets.py",
    "test_other_ways.py",
    "test_isolation.py",
    "test_isolation_callbacks.py",
    "test_collection.py",
    "test_terminal.py",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if ALL:
        return
    wanted, more = [], []
    for item in items:
        (more if item.get_closest_marker(more_of_a_kind.name) else wanted).append(item)
    config.hook.pytest_deselected(items=more)
    items[:] = wanted


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand whole files to the processes of `-n` first, then tests of plays one by one.

    If these were taken by files too, the last one, of few and slow tests, would leave a process
    idle.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = pathlib.PurePath(nodeid.partition("::")[0])
            is_whole = file.parent.name not in ("integration", "faults") or file.name in TOGETHER
            return str(file) if is_whole else nodeid

    return Scheduling(config, log)
