"""Which modules are run many times in one process, and which need no temporary files."""

import base64
import dataclasses
import io
import zipfile

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.core import own_files  # noqa: E402
from ansible_econtext.payload import reusable  # noqa: E402
from ansible_econtext.payload.ansiballz import Payload  # noqa: E402


def payload(name: str = "ansible.modules.stat", content: bytes | None = None) -> Payload:
    """Of a module of ansible-core, or of another one under its name."""
    path = name.replace(".", "/") + ".py"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(path, content or (own_files.ROOT / path).read_bytes())
    packed = base64.b64encode(made.getvalue())
    identity = repr((name, content)).encode()
    return Payload(packed, identity, name, b"{}", profile=None, open_files=0)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(reusable, "_known", {})
    monkeypatch.setattr(own_files, "has_module_utils_of_others", lambda: False)


@pytest.mark.parametrize("name", ["stat", "copy", "file", "command", "lineinfile"])
def test_some_of_ansible_cores_own(name):
    assert reusable.leaves_nothing(payload(f"ansible.modules.{name}"))


@pytest.mark.parametrize(
    "module",
    [
        payload("ansible.modules.user"),
        payload("ansible.legacy.stat", b"print(1)"),
        payload("ansible.modules.stat", b"print(1)"),
        Payload(b"bm8gYXJjaGl2ZQ==", b"it", "ansible.modules.stat", b"{}", None, 0),
    ],
    ids=["another", "of a role", "of others", "damaged"],
)
def test_no_other(module):
    assert not reusable.leaves_nothing(module)


def test_none_that_is_to_have_a_limit_of_its_own():
    assert not reusable.leaves_nothing(dataclasses.replace(payload(), open_files=1024))


def test_none_with_module_utils_of_others(monkeypatch):
    monkeypatch.setattr(own_files, "has_module_utils_of_others", lambda: True)
    assert not reusable.leaves_nothing(payload())


@pytest.mark.parametrize(
    ("module", "is_needless"),
    [
        (payload("ansible.modules.stat"), True),
        (payload("ansible.modules.file"), True),
        (payload("ansible.modules.copy"), False),
        (payload("ansible.modules.stat", b"print(1)"), False),
    ],
    ids=["stat", "file", "copy", "of others"],
)
def test_some_need_no_temporary_files(module, is_needless):
    assert reusable.needs_no_temporary_files(module) is is_needless
