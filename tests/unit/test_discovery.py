"""Which Pythons are looked for on a host, and what ansible-core's own search is recognised by."""

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.core import commands  # noqa: E402


class Templar:
    def template(self, value):
        return value.replace("{{ version }}", "3.9")


def found(**variables):
    return commands.interpreters(variables, Templar())


def test_one_that_is_named_is_the_only_one():
    assert found(ansible_python_interpreter="/opt/python{{ version }}") == ["/opt/python3.9"]


def test_what_was_discovered_is_the_only_one():
    facts = {"discovered_interpreter_python": "/usr/bin/python3.7"}
    assert found(ansible_facts=facts) == ["/usr/bin/python3.7"]


@pytest.mark.parametrize("way", ["auto", "auto_silent", "auto_legacy", "auto_legacy_silent"])
@pytest.mark.parametrize(
    ("version", "first"), [((2, 16), "/usr/bin/python3"), ((2, 19), "python3.8")]
)
def test_the_platforms_own_one_comes_first_where_ansible_prefers_it(
    monkeypatch, way, version, first
):
    monkeypatch.setattr(commands, "ansible_version", version)
    names = ["python3.8", "/usr/bin/python3", "python"]
    given = {
        "ansible_python_interpreter": way,
        "ansible_interpreter_python_fallback": names,
    }
    assert found(**given)[0] == first
    assert sorted(found(**given)) == sorted(names)


def test_the_script_of_old_versions_is_known_by_its_text(monkeypatch):
    monkeypatch.setattr(commands, "_discovery_script", lambda: b"print(1)\n")
    assert commands.is_discovery_script(b"print(1)\n")
    assert not commands.is_discovery_script(b"print(2)\n")


def test_no_input_is_no_script(monkeypatch):
    monkeypatch.setattr(commands, "_discovery_script", lambda: None)
    assert not commands.is_discovery_script(None)
    assert not commands.is_discovery_script(b"")
