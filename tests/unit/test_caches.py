"""What is kept for the time of a play is what would be found anew."""

import os
import types

import pytest

pytest.importorskip("ansible.release")
import ansible.plugins.loader  # noqa: E402
import ansible.vars.manager  # noqa: E402
from ansible.executor import module_common  # noqa: E402

from ansible_econtext.patches import caches  # noqa: E402


def test_a_directory_that_changed_is_listed_again(tmp_path):
    pattern = str(tmp_path / "mod*")
    with caches.kept_listings():
        listing = ansible.plugins.loader.glob
        assert listing.glob(pattern) == []
        (tmp_path / "module.py").touch()
        os.utime(tmp_path, ns=(1, 1))  # a clock may be coarse: this is certainly another time
        found = listing.glob(pattern)
        assert found == [str(tmp_path / "module.py")] == list(listing.iglob(pattern))
        found.clear()  # the caller's own
        assert listing.glob(pattern)
        assert listing.escape("[") == "[[]"
    assert isinstance(ansible.plugins.loader.glob, types.ModuleType)
    assert ansible.plugins.loader.glob.__name__ == "glob"
    assert type(ansible.plugins.loader.glob) is types.ModuleType


def test_what_is_not_listed_by_one_directory_is_not_kept(tmp_path):
    pattern = str(tmp_path / "*" / "*")
    with caches.kept_listings():
        assert ansible.plugins.loader.glob.glob(pattern) == []
        (tmp_path / "inner").mkdir()
        (tmp_path / "inner" / "module.py").touch()
        assert ansible.plugins.loader.glob.glob(pattern)


def test_a_directory_that_is_missing_has_nothing(tmp_path):
    with caches.kept_listings():
        assert ansible.plugins.loader.glob.glob(str(tmp_path / "missing" / "*")) == []


@pytest.mark.skipif(
    not hasattr(module_common, "_CachedModule"), reason="ansible-core 2.19 and later"
)
def test_a_module_is_read_once_and_looks_as_it_did(tmp_path):
    stock = module_common._CachedModule
    metadata = module_common.ModuleMetadataV1(serialization_profile="legacy")
    stock(zip_data=b"UEsDBA==", metadata=metadata, source_mapping={}).dump(str(tmp_path / "m"))
    with caches.kept_payloads():
        first = stock.load(str(tmp_path / "m"))
        (tmp_path / "m").unlink()
        assert stock.load(str(tmp_path / "m")) is first
        assert f"{module_common.to_text(first.zip_data)!r}" == "'UEsDBA=='"
        assert first.zip_data == "UEsDBA=="
        assert first.metadata == metadata
    with pytest.raises(OSError):
        stock.load(str(tmp_path / "m"))


def test_facts_are_cleaned_where_there_are_any():
    manager = ansible.vars.manager
    stock = manager.clean_facts
    facts = {"ansible_os_family": "Debian", "ansible_python_interpreter": "python", "one": [1]}
    before = stock(facts), stock({})
    with caches.no_facts_unlooked_at():
        assert (manager.clean_facts(facts), manager.clean_facts({})) == before
        assert manager.clean_facts({}) is not manager.clean_facts({})
    assert manager.clean_facts is stock
