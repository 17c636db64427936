"""What the broker makes of a hop."""

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.broker import launch_plan  # noqa: E402
from ansible_econtext.broker.pooled_slave import failure  # noqa: E402
from ansible_econtext.client import route  # noqa: E402
from ansible_econtext.connection import errors  # noqa: E402
from econtext.controller.errors import LaunchTimeout  # noqa: E402


@pytest.mark.parametrize(("timeout", "limit"), [(0.0, 60.0), (10.0, 60.0), (300.0, 300.0)])
def test_a_login_may_take_as_long_as_the_user_allows(timeout, limit):
    """An approval on a telephone may take more than the usual limit."""
    hop = route.ssh_hop("host", ["ssh", "host"], None, "", ["python3"], timeout)
    assert launch_plan.of(hop, "").timeout == limit


def test_a_login_that_took_too_long_names_the_option():
    error = LaunchTimeout("ssh.host", 60.0, "a banner")
    raised = errors.error_of(failure(0, "ssh", error), None, "")
    assert "no slave ran after 60 seconds: a banner" in str(raised)
    assert "the option `timeout` allows more" in str(raised)
