"""Settings of hypothesis, which hold for all unit tests."""

from hypothesis import HealthCheck, settings

# A slow machine is no fault of the code: no time limit but the test's own.
settings.register_profile(
    "econtext", deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("econtext")


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut at these places; numbers beyond its end wrap around."""
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
