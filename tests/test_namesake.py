"""The older, unrelated distribution of the same import name is noticed."""

from __future__ import annotations

from pathlib import Path

import fastcache
from tests.harness.child import run_child

SNIPPET = """
import sys, warnings
sys.path.insert(0, {folder!r})
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import fastcache
assert fastcache.__path__ == [{folder!r} + "/fastcache"]
print([str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)])
"""


def install(folder: Path) -> str:
    """The package in a folder of its own, as an installer leaves it; its path."""
    folder.mkdir()
    (folder / "fastcache").symlink_to(Path(fastcache.__file__).parent)
    return str(folder)


def record(folder: Path) -> None:
    """What an installer notes of the namesake."""
    info = folder / "fastcache-1.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fastcache\nVersion: 1.1.0\n")


def test_import_warns_when_the_namesake_is_installed_in_the_same_folder(tmp_path: Path) -> None:
    folder = install(tmp_path / "site")
    record(tmp_path / "site")
    child = run_child(SNIPPET.format(folder=folder))
    assert (child.code, child.err) == (0, "")
    assert "unrelated distribution 'fastcache' 1.1.0" in child.out


def test_a_namesake_elsewhere_overwrites_nothing_and_is_not_told_of(tmp_path: Path) -> None:
    record(tmp_path)
    folder = install(tmp_path / "site")
    child = run_child(f"import sys; sys.path.append({str(tmp_path)!r})\n" + SNIPPET.format(folder=folder))
    assert child == (0, "[]\n", "")


def test_import_is_silent_without_it() -> None:
    assert run_child("import fastcache") == (0, "", "")
