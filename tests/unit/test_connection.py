"""A connection's step to its host is made once, and anew when an option changes."""

import pytest
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from ansible_econtext.carrying import carried_connections


@pytest.fixture
def connection():
    context = PlayContext()
    context.remote_addr = "host"
    with carried_connections():
        made = connection_loader.get("ssh", context, None)
    made.set_options(direct={"port": 1022})
    return made


def port(connection) -> str:
    argv = connection._econtext_kept_step(["/usr/bin/python3"])["argv"]
    [found] = [word for word in argv if word.startswith("Port=")]
    return found


def test_a_step_is_made_once_for_a_python(connection):
    step = connection._econtext_kept_step(["/usr/bin/python3"])
    assert connection._econtext_kept_step(["/usr/bin/python3"]) is step
    assert connection._econtext_kept_step(["/usr/bin/python4"]) != step


@pytest.mark.parametrize(
    "change",
    [
        lambda connection: connection.set_option("port", 1023),
        lambda connection: connection.set_options(direct={"port": 1023}),
    ],
    ids=["set_option", "set_options"],
)
def test_an_option_that_changes_counts(connection, change):
    assert port(connection) == "Port=1022"
    change(connection)
    assert port(connection) == "Port=1023"
