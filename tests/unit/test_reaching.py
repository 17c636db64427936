"""What is made again where anything of how a host is reached may be otherwise."""

import types

import pytest

pytest.importorskip("ansible.release")
from ansible.playbook.play_context import PlayContext  # noqa: E402
from ansible.plugins.loader import become_loader, connection_loader  # noqa: E402

from ansible_econtext.core import run, versions  # noqa: E402
from ansible_econtext.workers import connection_cache  # noqa: E402
from ansible_econtext.workers.play import carried_connections  # noqa: E402
from tests.unit.test_fields import tagged, task_of  # noqa: E402

pytestmark = [
    pytest.mark.skipif(not versions.is_known_since((2, 19)), reason="ansible-core 2.19 and later"),
    pytest.mark.usefixtures("names_of_collections"),
]

HOST = types.SimpleNamespace(name="host")
CONTEXT = PlayContext()
VARIABLES = {"ansible_port": 22, "ansible_user": "somebody", "other": "{{ template }}"}


@pytest.fixture(scope="module")
def ways():
    run.load_ahead()
    return connection_cache.Ways()


def key(ways, keywords=None, variables=VARIABLES, host=HOST, context=CONTEXT):
    return ways.key(host, context, task_of(keywords or {}), variables)


def test_a_task_that_says_nothing_of_it_is_like_another(ways):
    usual = key(ways)
    assert usual is not None and hash(usual)
    for keywords in (
        {"name": "{{ other }}"},
        {"when": ["{{ other }}"]},
        {"args": {"data": "{{ other }}"}},
        {"register": "result"},
        {"tags": ["one"]},
        {"changed_when": [False]},
    ):
        assert key(ways, keywords) == usual
    assert key(ways, variables=VARIABLES | {"other": 1, "ansible_date": "{{ x }}"}) == usual


@pytest.mark.parametrize(
    "keywords",
    [
        {"become": True},
        {"become_user": "other"},
        {"remote_user": "other"},
        {"port": 23},
        {"connection": "local"},
        {"environment": {"NAME": "value"}},
        {"timeout": 7},
        {"check_mode": True},
        {"diff": True},
        {"no_log": True},
    ],
    ids=str,
)
def test_a_field_makes_a_difference(ways, keywords):
    assert key(ways, keywords) not in (key(ways), None)
    template = dict.fromkeys(keywords, tagged("{{ template }}"))
    assert key(ways, template) is None


@pytest.mark.parametrize(
    "name",
    [
        "ansible_host",
        "ansible_port",
        "ansible_user",
        "ansible_ssh_common_args",
        "ansible_become",
        "ansible_become_user",
        "ansible_become_password",
        "ansible_remote_tmp",
        "ansible_shell_executable",
        "ansible_connection",
        "ansible_python_interpreter",
        "ansible_ssh_retries",
    ],
)
def test_a_variable_makes_a_difference(ways, name):
    assert key(ways, variables=VARIABLES | {name: "one"}) not in (key(ways), None)
    assert key(ways, variables=VARIABLES | {name: tagged("{{ template }}")}) is None


def test_a_number_is_no_truth(ways):
    one, other = ({"ansible_become": value} for value in (1, True))
    assert key(ways, variables=one) != key(ways, variables=other)


def test_facts_that_are_no_facts_make_no_key(ways):
    assert key(ways, variables=VARIABLES | {"ansible_facts": tagged("{{ template }}")}) is None


def test_others_have_ways_of_their_own(ways):
    assert key(ways, host=types.SimpleNamespace(name="other")) != key(ways)
    assert key(ways, context=PlayContext()) != key(ways)
    facts = {"ansible_facts": {"discovered_interpreter_python": "/usr/bin/python4"}}
    assert key(ways, variables=VARIABLES | facts) != key(ways)


def test_what_another_plugin_may_look_at_is_not_kept(ways):
    ways.keep(("key",), connection_cache.Reached(None, ["of_another_shell"], None, None))
    assert ways.find(("key",)) is None
    ways.keep(("key",), connection_cache.Reached(None, ["ansible_port"], None, None))
    assert ways.find(("key",)) is not None and ways.find(None) is None


def test_copies_know_nothing_of_each_other():
    context = PlayContext()
    context.remote_addr = "host"
    with carried_connections():
        made = connection_loader.get("ssh", context, None)
    made.set_become_plugin(become_loader.get("sudo"))
    made.set_options(direct={"port": 1022})
    made.become.set_options(direct={"become_user": "root"})
    made._shell.set_options()
    kept = connection_cache.Reached(made._econtext_copy(), ["ansible_port"], context, PlayContext())
    one, other = kept.again().connection, kept.again().connection
    assert one._econtext_kept_step(["python"]) == other._econtext_kept_step(["python"])
    assert not kept.again().connection._econtext_steps
    one.set_option("port", 1023)
    one.become.set_option("become_user", "other")
    one._shell.tmpdir = "/tmp"
    one.become.build_become_command("true", one._shell)
    one._shell.remove("/tmp/x", recurse=True)
    one._econtext.pythons.append("python")
    for each in (other, kept.again().connection):
        assert each.get_option("port") == 1022
        assert each.become.get_option("become_user") == "root"
        assert not each._shell.tmpdir and not each._shell.notes and not each.become.wrapped
        assert each._econtext is not one._econtext and each._econtext.pythons == []
        assert each._econtext._first_step.__self__ is each
        assert each.connected and each.matches_name(["ssh"])


def test_a_play_context_gives_what_it_gave():
    made = PlayContext(), PlayContext()
    kept = connection_cache.Reached(_Connection(), [], *made)
    found = kept.again()
    assert found.context is not made[0]
    assert found.context.set_task_and_variable_override(task=None) is found.context
    assert found.context.post_validate(templar=None) is None
    assert found.context.set_task_and_variable_override(task=None) is found.connection_context
    assert "post_validate" not in vars(made[0])
    assert kept.again().context.set_task_and_variable_override() is not found.context


class _Connection:
    def _econtext_copy(self):
        return _Connection()
