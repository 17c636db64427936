"""Under an ansible-core that nobody has read, what fails is left out, and the user is told."""

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.core import versions  # noqa: E402


class Warnings(list):
    def warning(self, text: str) -> None:
        self.append(text)

    def vvv(self, text: str) -> None:
        """Not for everybody's eyes."""


@pytest.fixture
def warnings(monkeypatch):
    made = Warnings()
    monkeypatch.setattr(versions, "display", made)
    return made


def test_a_known_version_is_no_reason_for_a_warning(monkeypatch, warnings):
    monkeypatch.setattr(versions, "ansible_version", versions.NEWEST)
    versions.warn_of_unknown_version()
    assert not warnings
    with pytest.raises(AttributeError), versions.stock_if_unknown():
        raise AttributeError("a fault of ours")


def test_an_unknown_version_is_told_and_tolerated(monkeypatch, warnings):
    monkeypatch.setattr(versions, "ansible_version", (99, 1))
    versions.warn_of_unknown_version()
    (text,) = warnings
    assert "99.1" in text and "2.21" in text
    with versions.stock_if_unknown():
        raise AttributeError("a part that is no more")
