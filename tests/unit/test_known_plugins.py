"""Each template plugin of ansible-core was looked at, and the page for users says the same."""

import importlib
import pathlib
import re

import pytest

pytest.importorskip("ansible.release")
import jinja2.filters  # noqa: E402
import jinja2.tests  # noqa: E402
from ansible import plugins  # noqa: E402

from ansible_econtext.core import known_plugins, versions  # noqa: E402

PAGE = pathlib.Path(__file__).parents[2] / "docs/plugins.rst"
SAFE = {
    "lookup": known_plugins.LOOKUPS,
    "filter": known_plugins.FILTERS,
    "test": known_plugins.TESTS,
}
KINDS = sorted(SAFE)

pytestmark = pytest.mark.skipif(
    versions.ansible_version < (2, 19), reason="ansible-core has no threads for tasks before 2.19"
)


def modules(kind):
    """Return the names of ansible-core's own files of a kind: users have other directories."""
    [directory] = plugins.__path__
    names = {path.stem for path in pathlib.Path(directory, kind).glob("*.py")} - {"__init__"}
    assert names
    return names


def defined(kind):
    """Return the names of all plugins of a kind that ansible-core and Jinja2 have."""
    if kind == "lookup":
        return modules(kind)
    names = set(jinja2.filters.FILTERS if kind == "filter" else jinja2.tests.TESTS)
    for name in modules(kind):
        module = importlib.import_module(f"ansible.plugins.{kind}.{name}")
        if kind == "filter":
            names |= set(module.FilterModule().filters())
        else:
            names |= set(module.TestModule().tests())
    return names


def rows(kind):
    """Return the cells of the page's table for a kind: names, where they run, and why."""
    [section] = re.findall(
        rf"^{kind.capitalize()}s\n-+\n(.*?)(?=^\w[^\n]*\n-+\n)",
        PAGE.read_text("utf-8"),
        re.M | re.S,
    )
    found = []
    for row in re.split(r"^   \* - ", section, flags=re.M)[2:]:  # behind the table's own heads
        names, where, why = (
            " ".join(cell.split()) for cell in re.split(r"^     - ", row, flags=re.M)
        )
        found.append((re.findall(r"``(.+?)``", names), where, why))
    return found


def forked(kind):
    """Return the plugins of a kind that the page has as not safe."""
    return {name for names, where, _ in rows(kind) if where == "fork" for name in names}


@pytest.mark.parametrize("kind", KINDS)
def test_each_plugin_was_looked_at(kind):
    unknown = defined(kind) - SAFE[kind] - forked(kind)
    assert not unknown, (
        f"no list has these {kind} plugins: {', '.join(sorted(unknown))}. Read what each does, in "
        f"each ansible-core from 2.19 on, by the rule in ansible_econtext/core/known_plugins.py; "
        f"add it to the safe ones there and to docs/plugins.rst or, with the reason, to that alone"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_no_plugin_is_both_safe_and_not(kind):
    assert not SAFE[kind] & forked(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_no_plugin_is_listed_that_there_is_not(kind):
    """A name that ansible-core does not have could be a user's plugin, which nobody looked at."""
    if versions.ansible_version > versions.NEWEST:
        pytest.skip("plugins may have been removed since")
    assert SAFE[kind] | forked(kind) <= defined(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_says_why_each_plugin_is_forked(kind):
    assert forked(kind)
    assert all(why for _, where, why in rows(kind) if where == "fork")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_each_safe_plugin_once(kind):
    safe = [name for names, where, _ in rows(kind) if where == "thread" for name in names]
    assert sorted(safe) == sorted(SAFE[kind])
