"""Options: each has a default and bounds, and a wrong value is named."""

import pathlib
import re

import pytest

from ansible_econtext import settings

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_options(monkeypatch):
    for name in settings.OPTIONS:
        monkeypatch.delenv(f"ANSIBLE_ECONTEXT_{name}", raising=False)


def test_defaults():
    settings.check()
    assert settings.is_on("THREADS") is True
    assert settings.seconds("PERSIST") == 60
    assert settings.path("TRACE") == ""


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("THREADS", "0", False),
        ("THREADS", "No", False),
        ("LOOPS", "on", True),
        ("PERSIST", "0", 0.0),
        ("PERSIST", "2.5", 2.5),
        ("STAYING", "86400", 86400.0),
        ("TRACE", "/a/file", "/a/file"),
        ("STAYING", "", 1.0),
    ],
)
def test_values(name, text, value, monkeypatch):
    monkeypatch.setenv(f"ANSIBLE_ECONTEXT_{name}", text)
    settings.check()
    read = {bool: settings.is_on, float: settings.seconds, str: settings.path}[type(value)]
    assert read(name) == value


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("THREADS", "2", "no switch"),
        ("THREADS", "never", "no switch"),
        ("PERSIST", "a while", "no number of seconds"),
        ("PERSIST", "-1", "no number of seconds"),
        ("PERSIST", "nan", "no number of seconds"),
        ("STAYING", "86401", "no number of seconds"),
    ],
)
def test_a_wrong_value_is_named(name, text, wanted, monkeypatch):
    monkeypatch.setenv(f"ANSIBLE_ECONTEXT_{name}", text)
    with pytest.raises(ValueError, match=f"ANSIBLE_ECONTEXT_{name} is '{text}', which is {wanted}"):
        settings.check()


def test_the_page_has_each_option_with_its_default_and_its_purpose():
    shown = {bool: {True: "on", False: "off"}.get, float: "{:g} seconds".format, str: "none".format}
    page = (ROOT / "docs/settings.rst").read_text()
    rows = re.findall(r"^   \* - ``ANSIBLE_ECONTEXT_(\w+)``\n     - (.*)\n     - (.*)$", page, re.M)
    assert {name: default for name, default, _ in rows} == {
        name: shown[type(default)](default) for name, default in settings.OPTIONS.items()
    }
    assert all(purpose.endswith(".") for _, _, purpose in rows)


def test_no_option_is_read_elsewhere():
    """Each variable's name is made in one place."""
    for path in ROOT.glob("ansible_econtext/**/*.py"):
        if path.name == "settings.py" or "target" in path.parts:
            continue
        text = path.read_text()
        assert 'environ.get("ANSIBLE_ECONTEXT' not in text, path
