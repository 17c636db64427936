"""A payload has the same files, however they were looked for."""

import contextlib
import datetime
import io
import zipfile

import pytest

pytest.importorskip("ansible.release")
from ansible.errors import AnsibleError  # noqa: E402
from ansible.executor import module_common  # noqa: E402
from ansible.plugins.loader import module_utils_loader  # noqa: E402

from ansible_econtext.core import own_files  # noqa: E402
from ansible_econtext.patches import module_utils_files, module_utils_imports  # noqa: E402
from tests.support.core import needs_2_19  # noqa: E402

pytestmark = [needs_2_19, pytest.mark.usefixtures("names_of_collections")]

MODULES = own_files.ROOT / "ansible" / "modules"


@contextlib.contextmanager
def patched():
    with module_utils_files.found_once(), module_utils_imports.found_once():
        yield


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch):
    monkeypatch.setattr(module_utils_imports, "_trees", {})


def build(path, content=None):
    """Build a payload as ansible-core does, and return its files."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        extensions = module_common._builder.ExtensionManager.create(task_vars={})
        now = datetime.datetime.now(datetime.timezone.utc)
        source = module_common.Origin(path=str(path)).tag(content or path.read_bytes())
        fqn = f"ansible.modules.{path.stem}"
        module_common.recursive_finder(path.stem, fqn, source, archive, now, extensions)
    with zipfile.ZipFile(written) as archive:
        return {each: archive.read(each) for each in archive.namelist()}


@pytest.fixture
def compiled(monkeypatch):
    """The names and sources that ansible-core compiles."""
    found = []

    def noted(name, source, stock=module_common._compile_module_ast):
        found.append((name, bytes(source)))
        return stock(name, source)

    monkeypatch.setattr(module_common, "_compile_module_ast", noted)
    return found


@pytest.mark.parametrize("name", ["ping", "uri", "package_facts", "setup", "dnf", "service"])
def test_the_files_are_the_same(name):
    path = MODULES / f"{name}.py"
    stock = build(path)
    assert "ansible/module_utils/basic.py" in stock
    with patched():
        assert build(path) == stock
        assert build(path) == stock


def test_each_file_is_compiled_once_and_not_whole(compiled):
    with patched():
        build(MODULES / "ping.py")
        basic = [source for name, source in compiled if name == "ansible.module_utils.basic"]
        del compiled[:]
        build(MODULES / "ping.py")
    assert len(basic) == 1
    assert len(basic[0]) < 10_000
    assert compiled == []


def test_others_modules_have_their_errors_of_syntax(tmp_path):
    path = tmp_path / "broken.py"
    path.write_bytes(b"from ansible.module_utils.basic import AnsibleModule\n\ndef main(:\n")
    with pytest.raises(AnsibleError) as stock:
        build(path)
    with patched():
        for _ in range(2):
            with pytest.raises(AnsibleError) as ours:
                build(path)
            assert str(ours.value) == str(stock.value)


def test_a_file_that_has_changed(tmp_path):
    path = tmp_path / "changing.py"
    with patched():
        path.write_bytes(b"from ansible.module_utils import urls\n")
        assert "ansible/module_utils/urls.py" in build(path)
        path.write_bytes(b"from ansible.module_utils import facts\n")
        assert "ansible/module_utils/facts/__init__.py" in build(path)


def test_an_import_that_is_not_there_is_told_each_time():
    content = b"from ansible.module_utils import no_such_part\n"
    with patched():
        for _ in range(2):
            with pytest.raises(AnsibleError, match="no_such_part"):
                build(MODULES / "ping.py", content)


def test_module_utils_of_others_that_come_meanwhile(tmp_path):
    with patched():
        before = build(MODULES / "ping.py")
        assert not own_files.has_module_utils_of_others()
        module_utils_loader.add_directory(str(tmp_path))
        try:
            assert own_files.has_module_utils_of_others()
            (tmp_path / "basic.py").write_bytes(b"from ansible.module_utils import urls\n")
            during = build(MODULES / "ping.py")
        finally:
            module_utils_loader._extra_dirs.remove(str(tmp_path))
            module_utils_loader._clear_caches()
        assert during["ansible/module_utils/basic.py"] == (tmp_path / "basic.py").read_bytes()
        assert "ansible/module_utils/urls.py" in during
        assert build(MODULES / "ping.py") == before


def test_the_way_back():
    kind = module_common.LegacyModuleUtilLocator
    before = kind._find_module, module_common._compile_module_ast
    with pytest.raises(ValueError), patched():
        assert before != (kind._find_module, module_common._compile_module_ast)
        raise ValueError
    assert before == (kind._find_module, module_common._compile_module_ast)
