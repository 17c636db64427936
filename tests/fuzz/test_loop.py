"""The loop finds what breaks a property, and keeps what reaches new lines."""

from __future__ import annotations

import contextlib
import pathlib

import pytest

from econtext.target import wire

from . import corpus, loop, properties

pytestmark = pytest.mark.timeout(60)


def test_a_fault_is_found_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(data: bytes) -> int:
        if data[:1] == b"\x07":
            raise RuntimeError("a planted fault")
        return 1

    monkeypatch.setitem(properties.PROPERTIES, "codec", check)
    assert loop.main(["--frames", "3000", "--seed", "1", "codec"]) == 1
    told = capsys.readouterr()
    assert "codec: RuntimeError" in told.out and "a planted fault" in told.err


def test_an_input_that_reaches_a_new_line_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    def check(data: bytes) -> int:
        if data[:1] == b"\x07":
            with contextlib.suppress(wire.ProtocolError):
                wire.credit_amount(data)
        return 1

    monkeypatch.setitem(properties.PROPERTIES, "codec", check)
    monkeypatch.setattr(corpus, "DIRECTORY", tmp_path)
    assert loop.main(["--frames", "3000", "--seed", "1", "--keep", "codec"]) == 0
    assert any(data[:1] == b"\x07" for data in corpus.read("codec"))
