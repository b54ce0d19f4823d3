"""Importing fastcache brings no framework in."""

from __future__ import annotations

from tests.harness.child import run_child

FRAMEWORKS = ("cachelib", "cachetools", "django", "dogpile", "fastcache.compat", "flask", "flask_caching", "rich")


def test_importing_fastcache_imports_no_framework() -> None:
    child = run_child(f"""
import sys
import fastcache
print([name for name in sys.modules if name.startswith({FRAMEWORKS!r})])
""")
    assert (child.code, child.out.strip(), child.err) == (0, "[]", "")
