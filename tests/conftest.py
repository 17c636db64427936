"""Deselects what is more of a kind that other tests have (support/scale.py)."""

from __future__ import annotations

import pytest

from tests.support.scale import ALL, more_of_a_kind


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if ALL:
        return
    wanted, more = [], []
    for item in items:
        (more if item.get_closest_marker(more_of_a_kind.name) else wanted).append(item)
    config.hook.pytest_deselected(items=more)
    items[:] = wanted
