"""Arguments of OpenSSH's client, as programs give them."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econtext.emulation.ssh_arguments import Unknown, Wanted, parse


def wanted(host: str, command: str, **more: object) -> Wanted:
    usual = Wanted(host, "", 0, "", [], command, is_subsystem=False)
    return usual._replace(**more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # rsync, as synchronize has it
        (
            "-S none -i k -o Port=22 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
            "-l u h rsync --server . /d",
            wanted("h", "rsync --server . /d", user="u", port=22, identity="k"),
        ),
        # git
        (
            "-o SendEnv=GIT_PROTOCOL -p 2222 u@h \"git-upload-pack 'a b'\"",
            wanted("h", "git-upload-pack 'a b'", user="u", port=2222),
        ),
        # scp and sftp of OpenSSH 9
        (
            "-x -oPermitLocalCommand=no -oClearAllForwardings=yes -oRemoteCommand=none "
            "-oRequestTTY=no -oForwardAgent=no -l u -s -- h sftp",
            wanted("h", "sftp", user="u", is_subsystem=True),
        ),
        # Of two the first counts, behind the host too.
        ("-l one -l two three@h -p 1 -p 2 -- x -l", wanted("h", "x -l", user="one", port=1)),
        ("ssh://u@h:7 x", wanted("h", "x", user="u", port=7)),
        ("[::1] x", wanted("::1", "x")),
        ("a@b@h x", wanted("h", "x", user="a@b")),
        # What may change more than the way
        ("-J j -A -tt h x", wanted("h", "x", options=["-Jj", "-A", "-t", "-t"])),
        ("-o 'Hostname other' h x", wanted("h", "x", options=["-ohostname=other"])),
        (
            "-oStrictHostKeyChecking=yes h x",
            wanted("h", "x", options=["-ostricthostkeychecking=yes"]),
        ),
    ],
)
def test_arguments_of_programs(words: str, expected: Wanted) -> None:
    assert parse(shlex.split(words)) == expected


@pytest.mark.parametrize(
    "words", ["", "h", "-V", "-Q cipher", "-p", "-p x h y", "-? h x", "-oPort=x h y"]
)
def test_arguments_without_a_command_on_a_host(words: str) -> None:
    with pytest.raises(Unknown):
        parse(shlex.split(words))


@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_words_are_understood_or_unknown(words: list[str]) -> None:
    try:
        assert parse(words).command is not None
    except Unknown:
        pass
