"""What is kept for the time of a play is what would be found anew."""

import pytest

pytest.importorskip("ansible.release")
from ansible.executor import module_common  # noqa: E402

from ansible_econtext.patches import caches  # noqa: E402


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
