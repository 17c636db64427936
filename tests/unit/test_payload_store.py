"""The broker's store of payloads holds each content once, however many runs bring it."""

import base64
import io
import zipfile

import pytest

from ansible_econtext.broker import payload_store
from ansible_econtext.broker.payload_store import PayloadStore

from .test_warm_processes import link  # noqa: F401


def archive(year: int, text: str = "x = 1\n") -> bytes:
    """Build a payload's archive as ansible-core does, with the time in it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in ("ansible/__init__.py", "ansible/modules/ping.py"):
            file.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), text)
    return base64.b64encode(made.getvalue())


def test_the_payloads_of_runs_differ_in_time_alone_and_share_what_is_kept(link):  # noqa: F811
    assert archive(2001) != archive(2002)
    store = PayloadStore()
    for year in range(2001, 2050):
        store.add(b"%d" % year, archive(year))
    assert len({store.send(b"%d" % year, link) for year in range(2001, 2050)}) == 1
    assert len(store._manifests) == 1


def test_another_content_is_another_payload(link):  # noqa: F811
    store = PayloadStore()
    store.add(b"one", archive(2001))
    store.add(b"two", archive(2001, "x = 2\n"))
    assert store.send(b"one", link) != store.send(b"two", link)


def test_the_identities_that_are_kept_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload_store, "_MAX_IDENTITIES", 10)
    store = PayloadStore()
    for number in range(1980, 2000):
        store.add(b"%d" % number, archive(number))
    assert b"1989" not in store
    assert all(b"%d" % number in store for number in range(1990, 2000))
    assert len(store._manifests) == 1
    for number in range(10):
        store.add(b"other %d" % number, archive(2001, f"x = {number}\n"))
    assert len(store._manifests) == 10


def test_a_file_is_sent_to_a_slave_once(link):  # noqa: F811
    store = PayloadStore()
    assert store.send_file(b"#!/bin/sh\n", link) == store.send_file(b"#!/bin/sh\n", link)
    assert store.send_file(b"#!/bin/sh\ntrue\n", link) != store.send_file(b"#!/bin/sh\n", link)
    assert len(link.holdings.warm) == 2 and not store._manifests
