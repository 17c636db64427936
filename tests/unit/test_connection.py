"""A connection's hop to its host is made once, and anew when an option changes."""

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ansible_econtext.core import plugins
from ansible_econtext.workers.play import carried_connections


@pytest.fixture
def connection():
    context = PlayContext()
    context.remote_addr = "host"
    with carried_connections():
        made = connection_loader.get("ssh", context, None)
    made.set_options(direct={"port": 1022})
    return made


def port(connection) -> str:
    argv = connection._econtext_hop(["/usr/bin/python3"]).argv
    [found] = [word for word in argv if word.startswith("Port=")]
    return found


def test_a_hop_is_made_once_for_a_python(connection):
    hop = connection._econtext_hop(["/usr/bin/python3"])
    assert connection._econtext_hop(["/usr/bin/python3"]) is hop
    assert connection._econtext_hop(["/usr/bin/python4"]) != hop


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


@pytest.mark.parametrize(
    "options",
    [
        {"port": 1023},
        {"ssh_extra_args": "-v"},
        {"private_key_file": "key"},
        {"host_key_checking": False},
        {"remote_user": "somebody"},
        {"ssh_args": ""},
        {"host": "other"},
    ],
)
def test_a_command_is_that_of_its_options(connection, options):
    usual = plugins.ssh_command(connection)
    connection.set_options(direct=options)
    assert plugins.ssh_command(connection) != usual
    connection.set_options(direct={"port": 1022})
    assert plugins.ssh_command(connection) == usual


def test_a_directory_of_sockets_is_made_again(connection, tmp_path):
    options = {"control_path_dir": str(tmp_path / "cp"), "ssh_args": "-o ControlPersist=60s"}
    connection.set_options(direct=options)
    for _ in range(2):
        plugins.ssh_command(connection)
        assert (tmp_path / "cp").is_dir()
        (tmp_path / "cp").rmdir()


PERSIST = "-o ControlPersist=60s"


@pytest.mark.parametrize(
    "options, path",
    [
        ({"ssh_args": PERSIST}, "none"),
        ({"ssh_args": PERSIST, "control_path": "%(directory)s/%%h"}, "none"),
        ({"ssh_args": PERSIST, "control_path": "/tmp/%%h"}, '"/tmp/%h"'),
        ({"ssh_args": f"{PERSIST} -o ControlPath=/tmp/%h"}, "/tmp/%h"),
        ({"ssh_args": PERSIST, "ssh_common_args": "-o ControlPath=/tmp/%h"}, "/tmp/%h"),
        ({"ssh_args": ""}, None),  # that of ssh's own configuration, if there is one
    ],
)
def test_a_control_path_is_the_users(connection, tmp_path, options, path):
    connection.set_options(direct={"control_path_dir": str(tmp_path / "cp"), **options})
    command = plugins.ssh_command(connection)
    found = [word.partition("=")[2] for word in command if word.startswith("ControlPath")]
    assert found == ([] if path is None else [path])


# What ssh asks for


@pytest.mark.parametrize(
    "options, prompt",
    [
        ({}, b""),
        ({"sshpass_prompt": "Passcode"}, b"Passcode"),
        ({"sshpass_prompt": "Passcode (SMS)?"}, rb"Passcode\ \(SMS\)\?"),
        ({"pkcs11_provider": "/lib/some.so"}, rb"Enter\ PIN\ for\ "),
        ({"pkcs11_provider": "/lib/some.so", "sshpass_prompt": "PIN"}, b"PIN"),
    ],
)
@pytest.mark.parametrize("mechanism", ["sshpass", "ssh_askpass"])
def test_a_prompt_is_the_stock_plugins(connection, options, prompt, mechanism):
    if connection.has_option("password_mechanism"):
        connection.set_option("password_mechanism", mechanism)
    connection.set_options(direct={"password": "1234", **options})
    hop = connection._econtext_hop(["/usr/bin/python3"])
    assert (hop.prompt, hop.password) == (prompt, "1234")
    has_provider = "PKCS11Provider=/lib/some.so" in hop.argv
    assert has_provider == ("pkcs11_provider" in options)


def test_a_smartcard_without_a_pin_is_refused_as_in_stock_ansible(connection):
    connection.set_options(direct={"pkcs11_provider": "/lib/some.so"})
    with pytest.raises(AnsibleError, match="you must specify a password/pin"):
        connection._econtext_hop(["/usr/bin/python3"])


def test_a_login_has_the_time_that_the_user_allows(connection):
    connection.set_options(direct={"timeout": 300})
    assert connection._econtext_hop(["/usr/bin/python3"]).timeout == 300


@pytest.mark.parametrize(
    ("variables", "setting", "options", "terminal"),
    [
        ({}, "", {}, None),
        ({}, "1", {}, "xterm"),
        ({"econtext_terminal": "yes"}, "", {}, "xterm"),
        ({"econtext_terminal": False}, "1", {}, None),
        ({"econtext_terminal": True}, "", {"use_tty": False}, None),
    ],
)
def test_modules_have_a_terminal_if_the_user_asks(
    connection, monkeypatch, variables, setting, options, terminal
):
    monkeypatch.setenv("ANSIBLE_ECONTEXT_TERMINAL", setting)
    monkeypatch.setenv("TERM", "xterm")
    templar = Templar(DataLoader(), variables=variables)
    connection._econtext_take_variables(variables, templar)
    connection.set_options(direct=options)
    assert connection._econtext.terminal == terminal


def test_a_terminal_may_be_of_no_kind(connection, monkeypatch):
    monkeypatch.delenv("TERM", raising=False)
    variables = {"econtext_terminal": True}
    connection._econtext_take_variables(variables, Templar(DataLoader(), variables=variables))
    connection.set_options()
    assert connection._econtext.terminal == ""
