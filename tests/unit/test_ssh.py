"""ssh's command line: our own connection, which ssh does not compress."""

import pytest

from econtext.controller.methods import ssh


@pytest.mark.parametrize(
    "given, expected",
    [
        ("-C -o ControlMaster=auto host", "-o ControlMaster=auto host"),
        ("-vvvC -oC=x -o -C host -C", "-vvv -oC=x -o -C host -C"),
        ("-CC -tC -Cp22 -Cp 22 host", "-t -p22 -p 22 host"),
        ("-C -- -C", "-- -C"),
        ("-C", ""),
        ("- -C", "- -C"),
        ("-p", "-p"),
    ],
)
def test_own_connection(given, expected):
    made = ssh.own_connection(["/usr/bin/ssh", *given.split()])
    assert made == ["/usr/bin/ssh", *ssh.OWN_CONNECTION, *expected.split()]


def test_compression_is_asked_for_by_nobody():
    plan = ssh.launch("host", ssh_args=["-C"])
    assert "-C" not in plan.argv and "Compression=no" in plan.argv
    assert plan.is_network
