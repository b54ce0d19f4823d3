"""The older, unrelated distribution of the same import name is noticed."""

from __future__ import annotations

from pathlib import Path

from tests.harness.child import run_child


def test_import_warns_when_the_namesake_is_installed_too(tmp_path: Path) -> None:
    info = tmp_path / "fastcache-1.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fastcache\nVersion: 1.1.0\n")
    child = run_child(f"""
import sys, warnings
sys.path.append({str(tmp_path)!r})
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import fastcache
print([str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)])
""")
    assert "unrelated distribution 'fastcache' 1.1.0" in child.out


def test_import_is_silent_without_it() -> None:
    assert run_child("import fastcache") == (0, "", "")
