"""What is looked up once is what would be found each time."""

import gc

import pytest

pytest.importorskip("ansible.release")
from ansible import constants  # noqa: E402
from ansible.plugins.loader import (  # noqa: E402
    action_loader,
    become_loader,
    connection_loader,
    module_loader,
    shell_loader,
)

from ansible_econtext.patches import config_lookups  # noqa: E402
from tests.support.core import needs_2_19  # noqa: E402

PLUGINS = [
    ("connection", "ssh", connection_loader),
    ("connection", "local", connection_loader),
    ("shell", "sh", shell_loader),
    ("become", "sudo", become_loader),
]

VARIABLES = [
    None,
    {},
    {"ansible_host": "other", "ansible_port": 2222, "ansible_ssh_common_args": "-v"},
    {"ansible_remote_tmp": "/tmp/{{ inventory_hostname }}", "ansible_become_flags": "-n"},
]

#: Options of ansible-core before 2.19: one that is deprecated, and one that is a list of dicts.
NEVER_KEPT = {"scp_if_ssh", "environment"}

KEYS = [None, {}, {"remote_user": "somebody", "port": None, "timeout": 7, "become_user": "other"}]


def look_up(kind, name, variables, keys, direct=None):
    return constants.config.get_plugin_options(
        kind, name, keys=keys, variables=variables, direct=direct
    )


@pytest.fixture(params=PLUGINS, ids=lambda each: each[1])
def plugin(request):
    kind, name, loader = request.param
    loader.get(name, class_only=True)  # its definitions are read then
    return kind, name


@pytest.fixture
def looked_up(monkeypatch):
    """The names of options that ansible-core looks up itself, as they come."""
    names = []
    kind = type(constants.config)
    stock = kind.get_config_value_and_origin

    def counted(self, config, *args, **kwargs):
        names.append(config)
        return stock(self, config, *args, **kwargs)

    monkeypatch.setattr(kind, "get_config_value_and_origin", counted)
    return names


def test_options_are_as_before_whatever_sets_them(plugin, monkeypatch):
    monkeypatch.delenv("ANSIBLE_REMOTE_TMP", raising=False)
    sets = [(variables, keys) for variables in VARIABLES for keys in KEYS]
    before = [look_up(*plugin, *each) for each in sets]
    with config_lookups.kept_options():
        assert [look_up(*plugin, *each) for each in sets] == before
        assert [look_up(*plugin, *each) for each in reversed(sets)] == before[::-1]
    assert [look_up(*plugin, *each) for each in sets] == before


def test_an_option_that_nothing_sets_is_looked_up_once(plugin, looked_up):
    with config_lookups.kept_options():
        first = look_up(*plugin, {}, {})
        assert set(looked_up) == set(first)
        looked_up.clear()
        assert look_up(*plugin, {}, {}) == first
        assert NEVER_KEPT.issuperset(looked_up)
        for name, value in first.items():
            if isinstance(value, list) and name not in NEVER_KEPT:
                value.append("spoiled")
        assert all("spoiled" not in str(value) for value in look_up(*plugin, {}, {}).values())


def test_an_option_of_no_plugin_is_looked_up_once(looked_up):
    with config_lookups.kept_options():
        for _ in range(3):
            constants.config.get_config_value("PYTHON_MODULE_RLIMIT_NOFILE", variables={"a": 1})
        assert looked_up == ["PYTHON_MODULE_RLIMIT_NOFILE"]
        variables = {"ansible_python_module_rlimit_nofile": 7}
        named = {"variables": variables}
        assert constants.config.get_config_value("PYTHON_MODULE_RLIMIT_NOFILE", **named) == 7
    assert looked_up == ["PYTHON_MODULE_RLIMIT_NOFILE"] * 2


def test_arguments_and_the_environment_have_their_way(monkeypatch):
    connection_loader.get("ssh", class_only=True)
    monkeypatch.delenv("ANSIBLE_SSH_RETRIES", raising=False)
    plugin = "connection", "ssh"
    with config_lookups.kept_options():
        usual = look_up(*plugin, None, None)["reconnection_retries"]
        direct = {"reconnection_retries": usual + 1}
        assert look_up(*plugin, None, None, direct)["reconnection_retries"] == usual + 1
        monkeypatch.setenv("ANSIBLE_SSH_RETRIES", str(usual + 2))
        assert look_up(*plugin, None, None)["reconnection_retries"] == usual + 2
        monkeypatch.delenv("ANSIBLE_SSH_RETRIES")
        assert look_up(*plugin, None, None)["reconnection_retries"] == usual


def test_each_manager_has_its_own_options(tmp_path):
    """Some have the place in memory of one that has died."""
    expected, found = [*range(7, 27)], []
    with config_lookups.kept_options():
        for count in expected:
            file = tmp_path / "ansible.cfg"
            file.write_text(f"[defaults]\nforks = {count}\n")
            found.append(type(constants.config)(str(file)).get_config_value("DEFAULT_FORKS"))
            gc.collect()
    assert found == expected


NAMES = [
    "ansible.builtin.ping",
    "ansible.builtin.copy",
    "ansible.builtin.normal",
    "ansible.builtin.no_such_plugin",
    "ansible.legacy.copy",
    "copy",
]


def what_was_found(loader, name):
    return vars(loader.find_plugin_with_context(name))


@needs_2_19
@pytest.mark.usefixtures("names_of_collections")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("loader", [module_loader, action_loader], ids=["module", "action"])
def test_builtin_plugins_are_found_where_they_are(loader, name):
    what_was_found(loader, name)  # what it has of its own is kept by the loader itself
    before = what_was_found(loader, name)
    with config_lookups.kept_builtin_plugins():
        assert what_was_found(loader, name) == before
        loader.find_plugin_with_context(name).redirect_list.append("spoiled")
        assert what_was_found(loader, name) == before
    assert what_was_found(loader, name) == before


@needs_2_19
@pytest.mark.usefixtures("names_of_collections")
def test_what_a_play_may_have_of_its_own_is_looked_for_each_time(monkeypatch):
    kind = type(module_loader)
    stock = kind.find_plugin_with_context
    looked_for = []

    def counted(self, name, *args, **kwargs):
        looked_for.append(name)
        return stock(self, name, *args, **kwargs)

    monkeypatch.setattr(kind, "find_plugin_with_context", counted)
    with config_lookups.kept_builtin_plugins():
        for name in NAMES * 2:
            module_loader.find_plugin_with_context(name)
    counts = {name: looked_for.count(name) for name in NAMES}
    assert counts == {name: 1 if name.startswith("ansible.builtin.") else 2 for name in NAMES}


@needs_2_19
@pytest.mark.usefixtures("names_of_collections")
def test_loaders_that_look_by_themselves_find_the_same():
    """They hand all arguments on by their places."""
    with config_lookups.kept_builtin_plugins():
        for name in ("copy", "ansible.legacy.copy", "ansible.builtin.copy"):
            assert action_loader.has_plugin(name, collection_list=["ansible.builtin"])
            assert module_loader.find_plugin(name, ".py").endswith("copy.py")
        assert not action_loader.has_plugin("ansible.builtin.no_such_plugin")
