"""ssh's command line for slaves: no compression, no terminal, no master connection of ours."""

import itertools
import shlex
import shutil
import subprocess

import pytest

from econtext.controller.methods import ssh


@pytest.mark.parametrize(
    "given, expected",
    [
        ("-C -o ControlMaster=auto host", "-o ControlMaster=auto host"),
        ("-vvvC -oC=x -o -C host -C", "-vvv -oC=x -o -C host -C"),
        ("-CC -qC -Cp22 -Cp 22 host", "-q -p22 -p 22 host"),
        ("-C -- -C", "-- -C"),
        ("-C", ""),
        ("- -C", "- -C"),
        ("-p", "-p"),
        ("-o", "-o"),
        # a terminal
        ("-tt host -tt", "host -tt"),
        ("-t -t -qtt -Cttv -4tp 22 host", "-q -v -4p 22 host"),
        ("-oRequestTTY=force -o requesttty=yes -o 'RequestTTY force' host", "host"),
        ("-o ' REQUESTTTY = auto' -vtoRequestTTY=yes -qo RequestTTY host", "-v -q host"),
        ("-o RequestTTYs=1 -o 'User RequestTTY=force' host", None),
        # words that are values
        ("-l tt -itt -F -tt -o ProxyCommand='ssh -tt %h' -J t -S tt -E -C host", None),
        # a master connection
        ("-M -MM -qMS path host", "-qS path host"),
    ],
)
def test_what_slaves_cannot_have_is_removed(given, expected):
    made = ssh.for_slaves(["/usr/bin/ssh", *shlex.split(given)])
    left = shlex.split(given if expected is None else expected)
    assert made == ["/usr/bin/ssh", *ssh.FOR_SLAVES, *left]


#: Ways to ask ssh for a terminal, and words that look like some of them.
TERMINALS = ["-t", "-tt", "-qtt", "-4Ctv", "-oRequestTTY=force", "-o 'requesttty  yes'", "-tto q=1"]
OTHERS = ["-v", "-ltt", "-l tt", "-i -t", "-p22", "-o User=t", "-oPort=22", "-S tt", "-4qp 22"]


@pytest.mark.parametrize("terminal", TERMINALS)
def test_no_mixture_of_arguments_asks_for_a_terminal(terminal):
    for others in itertools.permutations(OTHERS, 2):
        for place in range(3):
            words = [*others[:place], terminal, *others[place:]]
            made = ssh.for_slaves(["ssh", *shlex.split(" ".join(words)), "host", "true"])
            rest = " ".join(made).split(" -T ", 1)[1].split(" ")
            assert rest[-2:] == ["host", "true"]
            assert "-tt" not in rest and not [w for w in rest if "requesttty" in w.lower()]
            assert set(" ".join(others).split(" ")) <= set(rest)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs ssh")
@pytest.mark.parametrize("terminal", [*TERMINALS, ""])
def test_ssh_asks_for_no_terminal(terminal, tmp_path):
    """By ssh's own account, whatever its file says."""
    file = tmp_path / "config"
    file.write_text("Host *\n  RequestTTY force\n  ControlMaster auto\n")
    given = shlex.split(terminal.replace("-tto q=1", "-tto Port=22")) + ["-M"]
    made = ssh.for_slaves(["ssh", "-F", str(file), *given, "-G", "host"])
    told = subprocess.run(made, capture_output=True, text=True, timeout=20, check=True).stdout
    assert "requesttty no\n" in told or "requesttty false\n" in told
    assert "controlmaster false\n" in told and "compression no\n" in told


def test_compression_is_asked_for_by_nobody():
    plan = ssh.launch("host", ssh_args=["-C"])
    assert "-C" not in plan.argv and "Compression=no" in plan.argv
    assert plan.is_network


def test_a_slave_of_the_library_shares_no_connection():
    assert "ControlPath=none" in ssh.launch("host", ssh_args=["-o", "ControlPath=x"]).argv
