"""Builds of earlier runs: used as long as all that they were made of is the same."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Iterator

import pytest
from ansible import constants
from ansible.plugins.loader import module_utils_loader

from ansible_econtext.core import module_builds
from ansible_econtext.payload import build_cache

MODULE = module_builds.ROOT / "ansible" / "modules" / "ping.py"


class Runs:
    """Runs of one user, each with a directory of its own."""

    def __init__(self, directory: pathlib.Path, patch: pytest.MonkeyPatch) -> None:
        self._directory = directory
        self._patch = patch
        self._count = 0
        patch.setattr(constants, "ANSIBLE_HOME", str(directory / "home"))
        #: What ansible-core would make of the module.
        self.content = b""

    def run(self, path: pathlib.Path = MODULE) -> bool:
        """Whether a build of an earlier run is there when ansible-core is asked for one."""
        self._count += 1
        local = self._directory / f"run{self._count}"
        local.mkdir()
        self._patch.setattr(constants, "DEFAULT_LOCAL_TMP", str(local))
        self.kept = module_builds.kept_at(str(path), "ZIP_STORED")
        found: list[bool] = []

        def build() -> str:
            there = self.kept is not None and self.kept.exists()
            found.append(there)
            if self.kept is not None and not there:
                self.kept.parent.mkdir()
                self.kept.write_bytes(self.content)
            return "built"

        assert build_cache._build(str(path), "ZIP_STORED", build) == "built"
        return found == [True]

    @property
    def entry(self) -> pathlib.Path:
        (found,) = (self._directory / "home").glob("econtext/builds/*/*")
        return found


@pytest.fixture
def runs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    made = Runs(tmp_path, monkeypatch)
    made.content = _built(MODULE)
    monkeypatch.setattr(module_builds, "has_module_utils_of_others", lambda: False)
    yield made


def _built(path: pathlib.Path) -> bytes:
    """A build as ansible-core keeps it, of this module alone."""
    import base64
    import io
    import zipfile

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("ansible/__init__.py", b"made up")
        archive.writestr("ansible/modules/ping.py", path.read_bytes())
    encoded = base64.b64encode(data.getvalue())
    if not hasattr(module_builds.module_common, "_CachedModule"):
        return encoded
    import pickle

    kept = module_builds.module_common._CachedModule(
        zip_data=encoded,
        metadata=module_builds.module_common._DEFAULT_LEGACY_METADATA,
        **({"source_mapping": {}} if _has_source_mapping() else {}),
    )
    return pickle.dumps(kept)


def _has_source_mapping() -> bool:
    return "source_mapping" in module_builds.module_common._CachedModule.__dataclass_fields__


def test_the_second_run_builds_nothing(runs: Runs) -> None:
    assert not runs.run()
    assert runs.run()
    assert runs.kept is not None and runs.kept.read_bytes() == runs.content
    assert runs.entry.stat().st_mode & 0o077 == 0


def test_a_source_that_was_changed(runs: Runs) -> None:
    runs.run()
    head, _, content = runs.entry.read_bytes().partition(b"\n")
    digest, stamps = json.loads(head)
    assert str(MODULE) in [stamp[0] for stamp in stamps]
    for place in range(3):  # path, time, size
        changed = [list(stamp) for stamp in stamps]
        changed[0][place] = changed[0][place] + ("x" if place == 0 else 1)
        runs.entry.write_bytes(json.dumps([digest, changed]).encode() + b"\n" + content)
        assert not runs.run()
        assert runs.run(), "it was built anew"


@pytest.mark.parametrize(
    "junk", [b"", b"\n", b"{}", b"[1]\n", b"[[]]\n", b"[0, 1]\nx", b"\xff\xfe\n\n"]
)
def test_a_damaged_entry(runs: Runs, junk: bytes) -> None:
    runs.run()
    runs.entry.write_bytes(junk)
    assert not runs.run()
    assert runs.run()


def test_a_build_that_is_not_of_its_files(runs: Runs, tmp_path: pathlib.Path) -> None:
    """ansible-core makes up modules that stand for others (redirects): those decide by more."""
    other = tmp_path / "ping.py"
    other.write_bytes(b"import json\n")
    runs.content = _built(other)
    assert not runs.run()
    assert not runs.run()


def test_module_utils_of_others(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.run()
    monkeypatch.setattr(module_builds, "has_module_utils_of_others", lambda: True)
    assert not runs.run()


def test_a_role_s_module(runs: Runs, tmp_path: pathlib.Path) -> None:
    own = tmp_path / "library" / "ping.py"
    own.parent.mkdir()
    shutil.copy(MODULE, own)
    assert not runs.run(own)
    assert not runs.run(own)


def test_a_home_that_is_open_to_others(runs: Runs, tmp_path: pathlib.Path) -> None:
    (tmp_path / "home" / "econtext").mkdir(parents=True)
    (tmp_path / "home" / "econtext").chmod(0o777)
    assert not runs.run()
    assert not runs.run()


def test_who_else_may_bring_module_utils(tmp_path: pathlib.Path) -> None:
    assert not module_builds.has_module_utils_of_others()
    module_utils_loader.add_directory(str(tmp_path))
    try:
        assert module_builds.has_module_utils_of_others()
    finally:
        module_utils_loader._extra_dirs.remove(str(tmp_path))
        module_utils_loader._clear_caches()
