"""Payloads as ansible-core itself builds them are recognised; all else is left alone."""

import io
import json
import zipfile

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_econtext.broker import payload_archive
from ansible_econtext.payload import ansiballz

pytest.importorskip("ansible.executor.module_common")

from ansible import constants  # noqa: E402
from ansible.executor import module_common  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.plugins.loader import module_loader  # noqa: E402
from ansible.template import Templar  # noqa: E402

from ansible_econtext.core import versions  # noqa: E402

VARIABLES = {"ansible_python_interpreter": "/usr/bin/python3"}


@pytest.fixture(scope="module")
def build(names_of_collections):
    """Have ansible-core make the payload of a module, as an action plugin does.

    Source: `_configure_module` in `plugins/action/__init__.py`: up to 2.18 the
    function takes positions and gives a tuple, from 2.19 names and an object.
    """
    templar = Templar(loader=DataLoader(), variables=VARIABLES)

    def build(name: str, parameters: dict) -> bytes:
        made = module_common.modify_module(
            module_name=name,
            module_path=module_loader.find_plugin(name),
            module_args=parameters,
            templar=templar,
            task_vars=VARIABLES,
            module_compression="ZIP_DEFLATED",
        )
        data = made[0] if isinstance(made, tuple) else made.b_module_data
        assert isinstance(data, bytes)
        return data

    return build


@pytest.fixture(scope="module")
def ping(build):
    return build("ansible.legacy.ping", {"data": 'it\'s "here"\n\\n \u00e9'})


def sent(parameters: bytes) -> dict:
    """A module's parameters without what ansible-core adds of its own."""
    return {
        name: value
        for name, value in json.loads(parameters)["ANSIBLE_MODULE_ARGS"].items()
        if not name.startswith("_ansible_")
    }


ODD = [
    {},
    {"data": "pong"},
    {"data": "a 'single' and a \"double\" quote"},
    {"data": "'''\"\"\"\\'"},
    {"data": "lines\nand\r\nmore\rlines\n"},
    {"data": "\n    _ansiballz_main(\nparams='{}',\n"},
    {"data": "\ndef _ansiballz_main():\n    ANSIBALLZ_PARAMS = 'x'\n"},
    {"data": "',\nextensions={'_coverage': 1},\n"},
    {"data": "back\\slashes \\\\ \\n \\x41 \\u0041"},
    {"data": "\u00e9 \u4e2d \U0001f600 \u2028 \u0085 \x0b \x1c \0"},
    {"data": {"nested": [1, 2.5, None, True, {"": "x" * 5000}]}},
    {"data": "%s %(params)s {0} $HOME `id`"},
]


@pytest.mark.parametrize("name", ["ping", "setup", "copy"])
@pytest.mark.parametrize("parameters", ODD, ids=repr)
def test_recognised(build, name, parameters):
    data = build(f"ansible.legacy.{name}", parameters)
    found = ansiballz.recognise(data)
    assert found is not None
    assert found.name == f"ansible.modules.{name}"
    assert sent(found.parameters) == parameters
    assert found.parameters in data or b"\\" in found.parameters  # the very bytes
    assert found.open_files == 0
    assert found.profile == ("legacy" if versions.ansible_version >= (2, 19) else None)


def test_the_same_module_has_the_same_identity(build):
    one, two = (ansiballz.recognise(build("ansible.legacy.ping", {"data": x})) for x in "ab")
    other = ansiballz.recognise(build("ansible.legacy.copy", {"data": "a"}))
    assert one is not None and two is not None and other is not None
    assert one.identity == two.identity != other.identity


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_as_a_parameter(build, text):
    found = ansiballz.recognise(build("ansible.legacy.ping", {"data": text}))
    assert found is not None and sent(found.parameters) == {"data": text}


@pytest.mark.parametrize("text", ["\udcff", "\ud800", "a file \udce9\udcff"])
def test_names_that_are_not_unicode(build, text):
    """Lone surrogates: either the very text, or the stock way, never another text."""
    try:
        data = build("ansible.legacy.ping", {"data": text})
    except UnicodeError:
        pytest.skip("this ansible-core makes no payload of it")
    found = ansiballz.recognise(data)
    assert found is None or sent(found.parameters) == {"data": text}


def test_limit_of_open_files(build, monkeypatch):
    get = constants.config.get_config_value

    def with_limit(name, *arguments, **keywords):
        return 512 if name == "PYTHON_MODULE_RLIMIT_NOFILE" else get(name, *arguments, **keywords)

    monkeypatch.setattr(constants.config, "get_config_value", with_limit)
    found = ansiballz.recognise(build("ansible.legacy.ping", {}))
    assert found is not None and found.open_files == 512


def test_unpacked(build):
    found = ansiballz.recognise(build("ansible.legacy.copy", {}))
    assert found is not None
    files = {file.name: file for file in payload_archive.unpack(found.archive)}
    assert files["ansible"].is_package
    assert files["ansible"].filename == f"{payload_archive.LIBRARY}/ansible/__init__.py"
    assert not files["ansible.modules.copy"].is_package
    assert (
        files["ansible.modules.copy"].filename
        == f"{payload_archive.LIBRARY}/ansible/modules/copy.py"
    )
    assert "ansible.module_utils.basic" in files
    for file in files.values():
        compile(file.content, file.filename, "exec", dont_inherit=True)
        parent = file.name.rpartition(".")[0]
        assert not parent or files[parent].is_package


def test_secrets_are_in_no_repr(build):
    found = ansiballz.recognise(build("ansible.legacy.ping", {"data": "hunter2"}))
    assert "hunter2" not in repr(found)


# What is left alone


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!/usr/bin/python\nprint('an old-style module')\n",
        b"\n    _ansiballz_main(\n",
        b"\ndef _ansiballz_main():\n",
        b"\n    _ansiballz_main(\nextensions={},\nzip_data=1,\n",
        b"\n    _ansiballz_main(\nextensions=__import__('os').getpid(),\n",
        b"\n    _ansiballz_main(\nextensions=" + 20_000 * b"-" + b"1,\n",
        b"\n    _ansiballz_main(\nextensions=" + 20_000 * b"[" + b",\n",
        b"\n    _ansiballz_main(\nextensions={},\nzip_data='\xff\xfe',\n",
        b"\n    _ansiballz_main(\nextensions={},\nzip_data=" + 5000 * b"9" + b",\n",
        b"\ndef _ansiballz_main():\n    ZIPDATA = " + 20_000 * b"-" + b"1\n",
        b"\ndef _ansiballz_main():\n    ZIPDATA = '',\n",
        b"\ndef _ansiballz_main():\n    ZIPDATA = None\n",
    ],
    ids=lambda data: data[:60].decode("latin-1"),
)
def test_what_is_no_payload(data):
    assert ansiballz.recognise(data) is None


@given(
    st.lists(
        st.binary(max_size=20)
        | st.sampled_from(
            [
                b"\n    _ansiballz_main(\n",
                b"\ndef _ansiballz_main():\n",
                b"extensions={},\n",
                b"zip_data=",
                b"    ZIPDATA = ",
                b"    ANSIBALLZ_PARAMS = ",
                b"'',\n",
                b"params='{}',\n",
                b"\n",
            ]
        )
    ).map(b"".join)
)
@example(b"\n    _ansiballz_main(\nextensions={},\nzip_data='',\nmodule_fqn='m',\nparams='',")
def test_junk(data):
    assert ansiballz.recognise(data) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutations(ping, data):
    """Never an exception, and never half a payload: a part that is missing is missed."""
    # The interesting places are where values begin and end, not inside of the archive.
    middle = max(ping.find(b"ZIPDATA ="), ping.find(b"zip_data="))
    places = st.integers(0, 200) | st.integers(-200, 200).map(lambda near: middle + near)
    start = data.draw(places | st.integers(-600, 0).map(lambda near: len(ping) + near))
    end = start + data.draw(st.integers(0, 40))
    changed = ping[:start] + data.draw(st.binary(max_size=10)) + ping[end:]
    found = ansiballz.recognise(changed)
    if found is not None:
        assert found.name and found.archive and isinstance(found.parameters, bytes)


def zipped(**files: str) -> bytes:
    import base64

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as made_of:
        for name, text in files.items():
            made_of.writestr(name, text)
    return base64.b64encode(made.getvalue())


def test_other_files_than_modules_are_named_for_their_path():
    module, resource = payload_archive.unpack(zipped(**{"a/b.py": "", "a/data.json": "{}"}))
    assert (module.name, resource.name) == ("a.b", "a/data.json")
    assert resource.filename == f"{payload_archive.LIBRARY}/a/data.json"


@given(st.data())
def test_an_archive_that_is_damaged(data):
    """It is refused with the one error that callers know, or gives the files that were packed."""
    content = "x = 1\n" * 100
    damaged = bytearray(zipped(**{"a/__init__.py": "", "a/b.py": content}))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        files = payload_archive.unpack(bytes(damaged))
    except ValueError as error:
        assert "not an archive of modules" in str(error)
    else:  # what is in it has sums; its names have none
        assert {file.content for file in files} <= {b"", content.encode()}
