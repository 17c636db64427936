"""The talk before a slave runs: however output is cut, the same answers, and no leaks."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econtext.controller.launch import Launch
from econtext.controller.methods import ssh, sudo
from econtext.controller.prompts import Answer, Dialogue, Ready, Refused, Talk
from econtext.target import wire

from .conftest import pieces

PASSWORD = "correct horse 'battery' \u00e9"
PROMPT, MARKER = b"econtext-password-0f:", b"econtext-ready-0f"
CUTS = st.lists(st.integers(0, 1000), max_size=6)


def dialogue(password: str | None = PASSWORD) -> Dialogue:
    """What sudo's is, with a nonce that the tests know."""
    return Dialogue(
        marker=MARKER,
        prompt=re.compile(re.escape(PROMPT)),
        password=password,
        incorrect=sudo.INCORRECT,
        missing=sudo.MISSING,
    )


def feed(talk: Talk, *output: tuple[int, bytes], cuts: tuple[int, ...] | list[int] = ()) -> list:
    """All that the talk says to these pieces of output, until it has come to an end."""
    actions: list = []
    for stream, data in output:
        for piece in pieces(data, list(cuts)):
            if actions and isinstance(actions[-1], Ready | Refused):
                return actions
            actions += talk.feed(stream, piece)
    return actions


ASKED = (wire.STDERR, b"We trust you have received the usual lecture.\n" + PROMPT)
SORRY = (wire.STDERR, b"Sorry, try again.\n" + PROMPT)
ANSWER = Answer(wire.STDIN, PASSWORD.encode() + b"\n")


# sudo


@given(CUTS)
def test_prompt_in_pieces(cuts):
    assert feed(Talk(dialogue()), ASKED, cuts=cuts) == [ANSWER]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@given(cuts=CUTS)
def test_marker_in_pieces(newline, cuts):
    """A slave's first word begins with a newline of its own: one more or less is no harm."""
    output = b"a message of the day\n" + MARKER + newline
    [*answers, ready] = feed(Talk(dialogue()), ASKED, (wire.STDOUT, output), cuts=cuts)
    assert answers == [ANSWER]
    assert isinstance(ready, Ready) and newline.startswith(ready.rest)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_what_is_behind_the_marker_is_kept(newline):
    output = MARKER + newline + wire.MAGIC + b"\x00\r\n"
    assert feed(Talk(dialogue()), (wire.STDOUT, output)) == [Ready(wire.MAGIC + b"\x00\r\n")]


def test_the_marker_counts_on_standard_output_alone():
    """sudo repeats the command, marker and all, where it says what is not allowed."""
    refusal = b"user x is not allowed to execute '/bin/sh -c echo " + MARKER + b"' as root\n"
    assert feed(Talk(dialogue()), (wire.STDERR, refusal)) == []


@given(CUTS)
def test_wrong_password(cuts):
    [*answers, last] = feed(Talk(dialogue()), ASKED, SORRY, cuts=cuts)
    assert (answers, last) == ([ANSWER], Refused(missing=False))


@given(CUTS)
def test_prompt_repeated_without_a_word(cuts):
    """As where sudo speaks another language."""
    again = (wire.STDERR, b"Das hat nicht funktioniert.\n" + PROMPT)
    assert feed(Talk(dialogue()), ASKED, again, cuts=cuts) == [ANSWER, Refused(missing=False)]


@given(CUTS)
def test_prompt_without_a_password(cuts):
    assert feed(Talk(dialogue(None)), ASKED, cuts=cuts) == [Refused(missing=True)]


@pytest.mark.parametrize("text", sudo.MISSING)
@given(cuts=CUTS)
def test_sudo_says_that_it_needs_a_password(text, cuts):
    output = (wire.STDERR, b"sudo: unable to resolve host x\n" + text + b"\n")
    assert feed(Talk(dialogue(None)), output, cuts=cuts) == [Refused(missing=True)]


def test_a_password_is_given_once():
    talk = Talk(dialogue())
    actions = [action for _ in range(5) for action in feed(talk, ASKED)]
    assert actions == [ANSWER] + 4 * [Refused(missing=False)]


def test_no_prompt_no_answer():
    chatter = b"Password: password: econtext-password-00: " * 1000
    talk = Talk(dialogue())
    assert feed(talk, (wire.STDERR, chatter), (wire.STDOUT, chatter)) == []


def test_what_was_said_long_ago_is_forgotten():
    """So that a login that prints without end does not fill the memory."""
    talk = Talk(dialogue())
    assert feed(talk, (wire.STDERR, PROMPT[:5] + 100_000 * b"x"), (wire.STDERR, PROMPT[5:])) == []


# ssh


def ssh_talk(password: str | None) -> Talk:
    return Talk(ssh.dialogue(password))


@pytest.mark.parametrize(
    "prompt",
    [b"me@host.example's password: ", b"Password: ", b"(me@host) Password for me@host:"],
)
@given(cuts=CUTS)
def test_ssh_asks_on_its_terminal(prompt, cuts):
    output = (wire.TERMINAL, b"A banner of the host\r\n" + prompt)
    answers = feed(ssh_talk(PASSWORD), output, cuts=cuts)
    assert answers == [Answer(wire.TERMINAL, PASSWORD.encode() + b"\n")]


@given(CUTS)
def test_ssh_asks_for_the_pin_of_a_smartcard(cuts):
    """In words that an option may change."""
    asked = (wire.TERMINAL, b"Enter PIN for 'token': ")
    answers = feed(Talk(ssh.dialogue("1234", b"Enter PIN for ")), asked, cuts=cuts)
    assert answers == [Answer(wire.TERMINAL, b"1234\n")]
    refused = (wire.TERMINAL, b"me@host: Permission denied (publickey).\r\n")
    actions = feed(Talk(ssh.dialogue("1234", b"Enter PIN for ")), asked, refused)
    assert actions == [*answers, Refused(missing=False)]


def test_ssh_asks_again():
    asked = (wire.TERMINAL, b"me@host's password: ")
    answers = feed(ssh_talk(PASSWORD), asked, (wire.TERMINAL, b"\r\n"), asked)
    assert [type(answer) for answer in answers] == [Answer, Refused]


@pytest.mark.parametrize(
    "question",
    [
        b"Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
        b"Enter passphrase for key '/home/me/.ssh/id_ed25519': ",
    ],
)
def test_other_questions_are_not_answered(question):
    actions = feed(ssh_talk(PASSWORD), (wire.TERMINAL, question))
    assert [type(action) for action in actions] == [Refused]


def test_what_a_host_prints_does_not_get_the_password():
    """ssh itself asks on the terminal; on standard error the host may say what it likes."""
    said = (wire.STDERR, b"Notice: choose a new password:")
    assert feed(ssh_talk(PASSWORD), said) == []


def test_what_a_login_script_prints_is_no_refusal():
    said = (wire.STDERR, b"/etc/profile.d/x.sh: line 3: /var/log/logins: Permission denied\n")
    assert feed(ssh_talk(None), said) == []


# Secrets


def test_passwords_are_in_no_repr():
    for launch in (
        sudo.launch("root", PASSWORD),
        ssh.launch("host", password=PASSWORD),
        Launch("way", ("program",), dialogue()),
    ):
        assert "horse" not in repr(launch) + repr(launch.dialogue) + " ".join(launch.argv)
    assert "horse" not in repr(ANSWER)
    assert "horse" not in repr(feed(Talk(dialogue()), ASKED))


def test_each_sudo_has_a_nonce_of_its_own():
    """Else a slave could print the marker or the prompt of another one."""
    first, second = (sudo.launch("root", PASSWORD).dialogue for _ in range(2))
    assert first.marker != second.marker
    assert first.prompt != second.prompt


@pytest.mark.parametrize("name", ["", "-oProxyCommand=true"])
def test_a_host_name_is_no_option(name):
    with pytest.raises(ValueError):
        ssh.launch(name)


def test_no_password_is_shown():
    dialogue = Dialogue(prompt=re.compile(b"Password:"), password="secret")
    (answer,) = Talk(dialogue).feed(wire.STDOUT, b"Password:")
    assert answer == Answer(wire.STDIN, b"secret\n")
    assert "secret" not in repr(dialogue) + repr(answer) + repr(Launch("name", (), dialogue))


@pytest.mark.parametrize(
    ("password", "answer"),
    [("caf\udce9", Answer(wire.STDIN, b"caf\xe9\n")), ("caf\ud800", Refused(missing=False))],
    ids=["a byte of no UTF-8", "half of a pair"],
)
def test_a_password_that_is_no_text(password, answer):
    """As Python has what the environment holds.  An error would name it."""
    talk = Talk(dialogue(password))
    assert feed(talk, (wire.STDERR, PROMPT)) == [answer]


def test_a_prompt_is_looked_for_in_few_bytes():
    """16 KiB of a server's questions took 0.1 s, again for each piece that came."""
    looked: list[int] = []

    class Pattern:
        def search(self, seen: bytes) -> None:
            looked.append(len(seen))

    talk = Talk(Dialogue(prompt=Pattern(), password=PASSWORD))  # type: ignore[arg-type]
    assert not feed(talk, (wire.STDERR, 2000 * b"password: "), cuts=(9000,))
    assert looked and max(looked) <= 1024
