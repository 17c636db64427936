"""Hops to a bastion: by its own variables, and with no password of the host behind it."""

import pytest
from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.template import Templar, trust_as_template

from ansible_econtext.connection import bastions, plugin
from ansible_econtext.core import commands
from ansible_econtext.workers.play import carried_connections

BASTION = {"ansible_host": "192.0.2.7", "ansible_user": "jump"}


def connection(password=None, shell=None):
    play_context = PlayContext()
    play_context.remote_addr, play_context.password = "inner", password
    play_context.shell = shell
    with carried_connections():
        return connection_loader.get("ssh", play_context, None)


def hops(*, variables=None, keys=None, password=None, **others):
    """The hops to `bastion`, for a host with these variables and the inventory's others."""
    made = connection(password)
    given = {"econtext_via": "bastion", **(variables or {})}
    made._econtext_variables = {**given, "hostvars": {"bastion": BASTION, **others}}
    made._econtext_via = "bastion"
    options = {"task_keys": {"timeout": 77, **(keys or {})}}
    return bastions.hops(made, made._play_context, plugin.carried, options)


def test_the_variables_of_the_bastion_make_its_hop():
    [hop] = hops(bastion=BASTION | {"ansible_port": 1022, "ansible_ssh_private_key_file": "key"})
    assert hop.name == "bastion"
    assert {"Port=1022", 'IdentityFile="key"', 'User="jump"'} <= set(hop.argv)


def test_a_bastion_may_be_behind_another():
    found = hops(bastion=BASTION | {"econtext_via": "first"}, first={"ansible_host": "192.0.2.8"})
    assert [hop.name for hop in found] == ["first", "bastion"]


def test_one_that_names_itself_is_behind_none():
    found = hops(bastion=BASTION | {"econtext_via": "bastion"})
    assert [hop.name for hop in found] == ["bastion"]


def test_the_timeout_is_the_bastions_own(monkeypatch):
    [hop] = hops()
    assert hop.timeout == constants.DEFAULT_TIMEOUT
    [hop] = hops(bastion=BASTION | {"ansible_ssh_timeout": 33})
    assert hop.timeout == 33
    monkeypatch.setattr(context, "CLIARGS", context.CLIArgs({"timeout": 44}))
    [hop] = hops()
    assert hop.timeout == 44


@pytest.mark.parametrize("keys", [{}, {"password": "of all"}], ids=["reset", "task"])
def test_the_password_of_all_hosts_is_the_bastions_too(keys):
    """A reset has it in the play context alone, and ends no slaves by another route."""
    [hop] = hops(keys=keys, password="of all")
    assert hop.password == "of all"


@pytest.mark.parametrize("own", [{"ansible_password": "x"}, {}], ids=["own", "of all"])
def test_a_reset_has_the_password_of_all_hosts_in_its_variables(own):
    """By each name that ansible-core knows, as those of a host may be."""
    names = ("ansible_password", "ansible_ssh_pass")
    variables = {"inventory_hostname": "inner", **dict.fromkeys(names, "x")}
    [hop] = hops(variables=variables, password="x", inner=own)
    assert hop.password == (None if own else "x")


def test_home_of_a_key_is_that_of_the_account_that_reads_it(monkeypatch):
    """The controller's for the first bastion, and the bastion's for what is behind it."""
    monkeypatch.setenv("HOME", "/controller")
    key = {"ansible_ssh_private_key_file": "~/key"}
    first, second = hops(
        bastion=BASTION | key | {"econtext_via": "first"}, first={"ansible_host": "192.0.2.8"} | key
    )
    assert 'IdentityFile="/controller/key"' in first.argv
    assert 'IdentityFile="~/key"' in second.argv


@pytest.mark.parametrize("shell", ["powershell", None])
def test_a_host_without_slaves_is_behind_no_bastion(shell):
    """It would be reached directly, which is another host maybe."""
    made = connection(shell=shell)
    given = {"econtext_via": "bastion", "hostvars": {"bastion": BASTION}}
    made._econtext_take_variables(given, Templar(None, variables=given))
    if shell:
        with pytest.raises(AnsibleError, match="leads to no host with the shell plugin powershell"):
            made.set_options(var_options={})
    else:
        made.set_options(var_options={})
        assert [hop.name for hop in made._econtext_before] == ["bastion"]


def test_a_connection_that_is_behind_none_any_longer_has_no_hops():
    made = connection()
    for via, count in (("bastion", 1), ("", 0)):
        given = {"econtext_via": via, "hostvars": {"bastion": BASTION}}
        made._econtext_take_variables(given, Templar(None, variables=given))
        made.set_options(var_options={})
        assert len(made._econtext_before) == count


def test_a_reset_has_variables_that_are_templates():
    """Up to 2.18: the name of the bastion is none of the stock options."""
    made = connection()
    gate = trust_as_template("{{ gate }}")
    made.set_options(var_options={"econtext_via": gate, "gate": "b", "hostvars": {"b": BASTION}})
    assert [hop.name for hop in made._econtext_before] == ["b"]


def test_an_omitted_bastion_is_none():
    omitted = {"econtext_via": trust_as_template("{{ omit }}")}
    assert commands.via(omitted, Templar(None, variables=omitted)) == ""


@pytest.mark.parametrize("name", ["ansible_password", "ansible_ssh_pass"])
def test_a_hosts_own_password_is_not_the_bastions(name):
    own = {"variables": {name: "own"}, "keys": {"password": "own"}, "password": "own"}
    [hop] = hops(**own)
    assert hop.password is None
    [hop] = hops(**own, bastion=BASTION | {name: "other"})
    assert hop.password == "other"


@pytest.mark.parametrize(
    "given, said",
    [
        ({"econtext_via": "circle"}, "bastion behind circle behind bastion has no beginning"),
        ({"econtext_via": "missing"}, "the inventory has no host 'missing'"),
        ({"ansible_connection": "winrm"}, "bastion has the connection winrm, which has no slaves"),
    ],
)
def test_a_bastion_that_leads_nowhere_is_named(given, said):
    with pytest.raises(AnsibleError, match=said):
        hops(bastion=BASTION | given, circle={"econtext_via": "bastion"})
