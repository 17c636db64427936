"""What unit tests share: settings of hypothesis, and the state of ansible-core."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.scale import ALL

# A slow machine is no fault of the code: no time limit but the test's own.
settings.register_profile(
    "econtext",
    deadline=None,
    max_examples=150 if ALL else 40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("econtext")


@pytest.fixture(scope="module")
def names_of_collections() -> Iterator[None]:
    """What ansible-playbook does at its start, undone; it may have been done for other tests."""
    from ansible.plugins.loader import init_plugin_loader
    from ansible.utils.collection_loader import AnsibleCollectionConfig, _collection_finder

    finder = AnsibleCollectionConfig.collection_finder
    if finder is None:
        init_plugin_loader()
    yield
    if finder is None:
        _collection_finder._AnsibleCollectionFinder._remove()


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut at these places; numbers beyond its end wrap around."""
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
