"""Whether a module may give facts, by its source and what it imports of its collection."""

import types

import pytest

pytest.importorskip("ansible.release")

from ansible_econtext.core import module_facts  # noqa: E402

pytestmark = pytest.mark.usefixtures("names_of_collections")


@pytest.fixture
def collection(tmp_path):
    """Write files of a collection; whether its module names no facts."""
    plugins = tmp_path / "ansible_collections" / "ns" / "name" / "plugins"

    def names_none(module, **utils):
        (plugins / "modules").mkdir(parents=True, exist_ok=True)
        (plugins / "module_utils" / "inner").mkdir(parents=True, exist_ok=True)
        for name, text in utils.items():
            (plugins / "module_utils" / f"{name.replace('__', '/')}.py").write_text(text)
        path = plugins / "modules" / "it.py"
        path.write_text(module)
        status = path.stat()
        return module_facts._names_none(path, status.st_mtime_ns, status.st_size)

    return names_none


FACTS = "result['ansible_facts'] = {}\n"


@pytest.mark.parametrize(
    ("module", "utils"),
    [
        ("import os\n", {}),
        ("from ..module_utils.tool import run\n", {"tool": "import os\n", "other": FACTS}),
        ("from ansible.module_utils.facts import ansible_collector\n", {}),
    ],
)
def test_no_facts(collection, module, utils):
    assert collection(module, **utils)


@pytest.mark.parametrize(
    ("module", "utils"),
    [
        (FACTS, {}),
        ("from ..module_utils.tool import run\n", {"tool": FACTS}),
        ("from ..module_utils import (\n    other,\n    tool,\n)\n", {"tool": FACTS, "other": ""}),
        (
            "from ansible_collections.ns.name.plugins.module_utils.inner.tool import run\n",
            {"inner__tool": FACTS},
        ),
        ("from ..module_utils.tool import run\n", {"tool": "from .more import x\n", "more": FACTS}),
        ("def f():\n    from ..module_utils.tool import run\n", {"tool": FACTS}),
    ],
)
def test_facts(collection, module, utils):
    assert not collection(module, **utils)


@pytest.mark.parametrize(
    ("action", "gives_none"),
    [
        ("ansible.builtin.file", True),
        ("ansible.builtin.apt", True),
        ("ansible.builtin.getent", False),
        ("ansible.builtin.setup", False),
        ("ansible.builtin.hostname", False),
        ("ansible.builtin.there_is_none", False),
    ],
)
def test_modules_of_ansible_core(action, gives_none):
    task = types.SimpleNamespace(action=action, collections=None)
    assert module_facts.gives_none(task) is gives_none
