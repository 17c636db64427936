"""A payload has the same files, however often its module_utils were looked through before."""

import datetime
import io
import pathlib
import zipfile

import pytest

pytest.importorskip("ansible.release")
from ansible.errors import AnsibleError  # noqa: E402
from ansible.executor import module_common  # noqa: E402

from ansible_econtext.core import versions  # noqa: E402
from ansible_econtext.patches import module_utils_imports  # noqa: E402

if not versions.is_known_since((2, 19)):
    pytest.skip("is for ansible-core 2.19 to 2.21", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("names_of_collections")

MODULES = pathlib.Path(module_common.__file__).parents[1] / "modules"


def build(name, content):
    """The files of a payload, as ansible-core puts them together."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        extensions = module_common._builder.ExtensionManager.create(task_vars={})
        now = datetime.datetime.now(datetime.timezone.utc)
        fqn = f"ansible.modules.{name}"
        module_common.recursive_finder(name, fqn, content, archive, now, extensions)
    with zipfile.ZipFile(written) as archive:
        return {each: archive.read(each) for each in archive.namelist()}


@pytest.mark.parametrize("name", ["ping", "stat", "package_facts", "setup"])
def test_the_files_are_the_same(name):
    content = (MODULES / f"{name}.py").read_bytes()
    stock = build(name, content)
    assert "ansible/module_utils/basic.py" in stock
    with module_utils_imports.found_once():
        assert build(name, content) == stock
        assert build(name, content) == stock
    assert build(name, content) == stock


def test_a_file_is_compiled_once(monkeypatch):
    content = (MODULES / "ping.py").read_bytes()
    compiled = []

    def counted(name, *args, stock=module_common._compile_module_ast):
        compiled.append(name)
        return stock(name, *args)

    monkeypatch.setattr(module_utils_imports, "_found", {})
    monkeypatch.setattr(module_common, "_compile_module_ast", counted)
    with module_utils_imports.found_once():
        build("ping", content)
        assert "ansible.module_utils.basic" in compiled
        del compiled[:]
        build("ping", content)
    assert [name for name in compiled if "module_utils" in name] == []


def test_an_import_that_is_not_there_is_told_each_time():
    content = b"from ansible.module_utils import no_such_part\n"
    with module_utils_imports.found_once():
        for _ in range(2):
            with pytest.raises(AnsibleError, match="no_such_part"):
                build("ping", content)


def test_the_way_back(monkeypatch):
    before = module_common.ModuleDepFinder.__init__, module_common._compile_module_ast
    with pytest.raises(ValueError), module_utils_imports.found_once():
        raise ValueError
    assert before == (module_common.ModuleDepFinder.__init__, module_common._compile_module_ast)
