"""The command ansible-econtext tells which brokers did not do what was asked."""

import pathlib

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
def brokers(monkeypatch):
    found = [(pathlib.Path("first"), Broker(True)), (pathlib.Path("second"), Broker(False))]
    monkeypatch.setattr(cli, "_running", lambda: found)
    return found


@pytest.mark.parametrize(
    ("command", "said"), [("status", "broker 4711: waits for a run"), ("stop", "1 broker ended.")]
)
def test_one_that_does_not_answer(command, said, brokers, capsys):
    assert cli.main([command]) == 1
    printed = capsys.readouterr()
    assert said in printed.out
    assert printed.err == "ansible-econtext: the broker in first: it does not listen\n"
    del brokers[0]
    assert cli.main([command]) == 0
    assert capsys.readouterr().err == ""


def test_none_is_running(brokers, capsys):
    del brokers[:]
    assert cli.main(["status"]) == 0
    assert capsys.readouterr().out == "No broker is running.\n"
