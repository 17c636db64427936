"""Become plugins: whether a slave can stand behind the command, and how the command asks."""

import re

import pytest

pytest.importorskip("ansible.release")

from ansible.plugins.become import BecomeBase  # noqa: E402
from ansible.plugins.loader import become_loader, shell_loader  # noqa: E402

from ansible_econtext.connection import become  # noqa: E402


@pytest.fixture
def shell():
    plugin = shell_loader.get("sh")
    plugin.set_options(direct={})
    plugin.executable = "/bin/sh"
    return plugin


def loaded(name, **options):
    plugin = become_loader.get(name)
    plugin.set_options(direct={"become_user": "other", **options})
    return plugin


class Plain(BecomeBase):
    """A plugin of a user's that asks as it was told."""

    name = "own"
    prompt = "Password (own)?"

    def build_become_command(self, cmd, shell):
        super().build_become_command(cmd, shell)
        return f"own {self._build_success_command(cmd, shell)}"

    def get_option(self, option, hostvars=None, playcontext=None):
        return {"become_pass": "1234"}.get(option)


class Judge(Plain):
    def check_success(self, b_output):
        return True


class Terminal(Plain):
    require_tty = True


class OwnWords(Plain):
    def check_password_prompt(self, b_output):
        return True


@pytest.mark.parametrize("name", ["sudo", "su"])
def test_core_methods_are_carried(name):
    assert become.why_not(loaded(name)) == ""


@pytest.mark.parametrize(
    "kind, why",
    [
        (Plain, ""),
        (Judge, "own has a check_success of its own"),
        (Terminal, "own puts a terminal between the slave and its link"),
        (OwnWords, "own has a check_password_prompt of its own, and no option prompt_l10n"),
    ],
)
def test_a_plugin_of_a_user_is_carried_if_it_judges_as_usual(kind, why, monkeypatch):
    monkeypatch.setattr(kind, "option_definitions", {}, raising=False)
    assert become.why_not(kind()) == why


def test_a_prompt_is_the_plugins_text(shell):
    hop = become.hop(Plain(), shell, ["/usr/bin/python3"], 10, None)
    assert re.search(hop.prompt, b"a lecture\nPassword (own)? ")
    assert not re.search(hop.prompt, b"Password own")
    assert not hop.terminal


@pytest.mark.parametrize(
    "said",
    [
        b"Password: ",
        b"password:",
        "Пароль: ".encode(),
        "密码：".encode(),
        b"Last login: yesterday\r\nother's Password: ",
        b"doas (me@host) password: ",
    ],
)
def test_su_asks_in_many_words(shell, said):
    hop = become.hop(loaded("su", become_pass="1234"), shell, ["/usr/bin/python3"], 10, None)
    assert re.search(hop.prompt, said)
    assert hop.terminal


@pytest.mark.parametrize("said", [b"Password expires soon.\n", b"password: no\n", b"Geheim: "])
def test_other_words_of_su_are_no_prompt(shell, said):
    hop = become.hop(loaded("su", become_pass="1234"), shell, ["/usr/bin/python3"], 10, None)
    assert not re.search(hop.prompt, said)


@pytest.mark.parametrize("word", ["Geheim", "Ge.*m", "(Geheim"])
def test_words_of_the_users_count_alone(shell, word):
    """As text or as an expression: plugins differ in what they take them for."""
    plugin = loaded("su", become_pass="1234", prompt_l10n=[word])
    hop = become.hop(plugin, shell, ["/usr/bin/python3"], 10, None)
    assert re.search(hop.prompt, b"Geheim? " if "(" not in word else b"(Geheim? ")
    assert not re.search(hop.prompt, b"Password: ")


def test_without_a_password_there_is_no_terminal(shell):
    """The prompt is known all the same, so that a start with it fails at once."""
    hop = become.hop(loaded("su"), shell, ["/usr/bin/python3"], 10, None)
    assert not hop.terminal
    assert re.search(hop.prompt, b"Password: ")


def test_a_directory_is_part_of_the_hop(shell):
    """Become leads from it, and may lead elsewhere."""
    argv = become.hop(loaded("sudo"), shell, ["/usr/bin/python3"], 10, "/a b").argv
    assert argv[2].startswith("cd '/a b'; sudo ")
