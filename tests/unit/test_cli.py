"""The command ansible-econtext tells which brokers did not do what was asked."""

import io
import pathlib
import sys

import pytest

pytest.importorskip("ansible.release")
from ansible_econtext import cli  # noqa: E402
from ansible_econtext.client import client, messages  # noqa: E402


class Broker:
    def __init__(self, is_gone: bool) -> None:
        self.is_gone = is_gone

    def end_broker(self) -> None:
        if self.is_gone:
            raise client.BrokerGone("it does not listen")

    def wait_for_end(self) -> None:
        pass

    def status(self) -> messages.BrokerStatus:
        self.end_broker()
        return messages.BrokerStatus(process=4711, persist=60.0, idle=2.0, runs=[], slaves=[])


@pytest.fixture
def brokers(tmp_path, monkeypatch):
    found = {"first": Broker(True), "none": None, "second": Broker(False)}
    for name in found:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(cli.endpoint, "home_directory", lambda: tmp_path)
    monkeypatch.setattr(
        cli.connector, "connect_if_running", lambda path: found[pathlib.Path(path).name]
    )
    return found


@pytest.mark.parametrize(
    ("command", "said"), [("status", "broker 4711: waits for a run"), ("stop", "1 broker ended.")]
)
def test_one_that_does_not_answer(command, said, brokers, tmp_path, capsys):
    assert cli.main([command]) == 1
    printed = capsys.readouterr()
    assert said in printed.out
    where = tmp_path / "first"
    assert printed.err == f"ansible-econtext: the broker in {where}: it does not listen\n"
    brokers["first"] = None
    assert cli.main([command]) == 0
    assert capsys.readouterr().err == ""


ODD = {
    "another alphabet": ("\u0436", "?"),
    "what a terminal obeys": ("\x1b[31m\n", "?[31m?"),
    "half of a pair": ("\ud83d", "?"),
    "a long one": (4096 * "x", 4096 * "x"),
}


@pytest.mark.parametrize(("user", "shown"), ODD.values(), ids=ODD)
def test_an_odd_host_keeps_no_other_from_being_shown(user, shown, brokers, monkeypatch):
    """On a terminal without that alphabet, too."""
    names = ("odd", "usual")
    slaves = [messages.SlaveStatus(name, user, user, 1, 0, 2.0) for name in names]
    status = messages.BrokerStatus(process=4711, persist=60.0, idle=2.0, runs=[], slaves=slaves)
    travelled = messages.decode_reply(messages.encode(status), (messages.BrokerStatus,))
    monkeypatch.setattr(brokers["second"], "status", lambda: travelled)
    terminal = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    brokers["first"] = None
    assert cli.main(["status"]) == 0
    terminal.flush()
    lines = terminal.buffer.getvalue().decode("ascii").splitlines()
    assert lines[1:] == [f"  {name}: process 1 of {shown}, {shown}, idle 2 s" for name in names]


def test_one_that_takes_no_connection(tmp_path, monkeypatch, capsys):
    def connect(directory):
        raise client.BrokerSilent(directory)

    (tmp_path / "first").mkdir()
    monkeypatch.setattr(cli.endpoint, "home_directory", lambda: tmp_path)
    monkeypatch.setattr(cli.connector, "connect_if_running", connect)
    assert cli.main(["stop"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "0 brokers ended.\n"
    where = tmp_path / "first"
    assert printed.err == (
        f"ansible-econtext: the broker in {where}: the broker, in {where}, does not answer\n"
    )


@pytest.mark.parametrize("command", ["status", "stop"])
def test_a_home_that_is_closed(command, tmp_path, monkeypatch, capsys):
    """As after a run by sudo that kept HOME."""

    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(cli.endpoint, "home_directory", lambda: tmp_path)
    monkeypatch.setattr(pathlib.Path, "iterdir", closed)
    assert cli.main([command]) == 1
    said = f"[Errno 13] Permission denied: '{tmp_path}'"
    assert capsys.readouterr().err == f"ansible-econtext: {said}\n"


def test_what_a_host_says_of_itself_is_no_command_to_a_terminal(brokers, monkeypatch, capsys):
    slave = messages.SlaveStatus("ssh.h", "\x1b]0;title\x07", "\x9b2J", 1, 0, 0.0)
    status = brokers["second"].status().replace(slaves=[slave])
    monkeypatch.setattr(Broker, "status", lambda broker: status)
    cli.main(["status"])
    assert not {"\x1b", "\x07", "\x9b"} & set(capsys.readouterr().out)


def test_none_is_running(brokers, capsys):
    brokers.update(dict.fromkeys(brokers))
    assert cli.main(["status"]) == 0
    assert capsys.readouterr().out == "No broker is running.\n"
