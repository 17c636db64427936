"""The store: contents by their hash, manifests, code that is compiled once."""

import hashlib

import pytest

from econtext.target import codec
from econtext.target.store import Module, Store, digest_of


def test_contents():
    store = Store()
    digest = store.add(b"content")
    assert digest == digest_of(b"content") == hashlib.sha256(b"content").digest()
    assert store.content(digest) == b"content"
    assert store.add(b"content") == digest
    with pytest.raises(KeyError):
        store.content(digest_of(b"never sent"))


def test_manifest():
    store = Store()
    entries = [
        ("package", True, "memory:package/__init__.py", store.add(b"")),
        ("package.module", False, "memory:package/module.py", store.add(b"x = 1")),
    ]
    modules = store.manifest(store.add(codec.encode(entries)))
    assert [
        (name, module.is_package, module.filename, module.digest)
        for name, module in modules.items()
    ] == entries


def test_code_is_compiled_once_for_each_name_and_content():
    store = Store()
    digest = store.add(b"def f(): pass\n")
    code = store.code(Module(False, "memory:a.py", digest))
    assert code.co_filename == "memory:a.py"
    assert store.code(Module(False, "memory:a.py", digest)) is code
    # The name is in the code: a traceback must not show another module's.
    assert store.code(Module(False, "memory:b.py", digest)).co_filename == "memory:b.py"


def test_code_does_not_inherit_our_future():
    """The store's own __future__ imports must not change a module's meaning."""
    store = Store()
    code = store.code(Module(False, "memory:a.py", store.add(b"def f(x: int): pass\n")))
    names: dict = {}
    exec(code, names)
    assert names["f"].__annotations__ == {"x": int}


@pytest.mark.parametrize("source", [b"def f(:", b"x = '\xff'", b"x\0"])
def test_what_does_not_compile(source):
    store = Store()
    with pytest.raises((SyntaxError, ValueError)):
        store.code(Module(False, "memory:bad.py", store.add(source)))
