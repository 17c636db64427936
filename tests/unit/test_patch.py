"""Something of ours in the place of something of ansible-core's."""

import pytest

from ansible_econtext.core.patch import replaced


class Stock:
    @staticmethod
    def of_nobody():
        return "stock"

    def method(self):
        return "stock"


class Derived(Stock):
    pass


@pytest.mark.parametrize("owner", [Stock, Derived, Stock()], ids=["class", "derived", "object"])
def test_all_is_as_it_was_afterwards(owner):
    before = dict(vars(owner))
    with (
        pytest.raises(ZeroDivisionError),
        replaced(owner, of_nobody=lambda: "ours", method=lambda *_: "ours"),
    ):
        assert owner.of_nobody() == owner.method(owner) == "ours"
        raise ZeroDivisionError
    assert dict(vars(owner)) == before
    assert Stock.of_nobody() == Stock().method() == Derived().method() == "stock"
