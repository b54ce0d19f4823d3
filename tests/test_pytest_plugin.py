"""pytest's fixtures: a clock to move, and caches that are empty around a test, whose loads have ended."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import pytest

from tests.harness.child import check_child, run_child

# The exit code of a run of the plugin, and its last line, in a folder of its own with a file of tests.
RUN = """
    import os, sys
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(sys.argv[1])
    import pytest
    code = pytest.main(["-q", "-W", "error", "-p", "pytest_fastcache", "-p", "no:cacheprovider", "tests.py"])
    sys.exit(int(code))
"""


def run(folder: Path, tests: str) -> tuple[int, str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "tests.py").write_text(tests)
    child = run_child(RUN, str(folder))
    assert child.err == ""
    return child.code, child.out


def test_the_clock_stands_still_until_it_is_moved(tmp_path: Path) -> None:
    code, out = run(
        tmp_path,
        """
from fastcache import Cache

def test_expiry(movable_clock):
    cache = Cache(ttl=60, clock=movable_clock)
    cache["k"] = 1
    movable_clock.advance(59)
    assert "k" in cache
    movable_clock.advance(1)
    assert "k" not in cache
""",
    )
    assert (code, "1 passed" in out) == (0, True), out


def test_caches_are_empty_before_a_test_and_after_it(tmp_path: Path) -> None:
    code, out = run(
        tmp_path,
        """
import pytest
from fastcache import Cache
from fastcache._registry import register

cache = Cache()
register(cache)
cache["before"] = 1

def test_inside(clean_caches):
    assert len(cache) == 0
    cache["inside"] = 1

def test_after():
    assert len(cache) == 0
    cache["after"] = 1

def test_another():
    assert len(cache) == 1
""",
    )
    assert (code, "3 passed" in out) == (0, True), out


@pytest.mark.parametrize("ends", ["in time", "never"])
def test_a_test_fails_if_it_leaves_a_load_under_way(tmp_path: Path, ends: str) -> None:
    code, out = run(
        tmp_path,
        f"""
import threading
import pytest
import pytest_fastcache
from fastcache import Cache
from fastcache._registry import register
from fastcache.testing import HeldLoader

pytest_fastcache.PATIENCE = 30 if {ends == "in time"} else 0.01
cache = Cache(name="mine")
register(cache)
held = HeldLoader()

@pytest.fixture(scope="module", autouse=True)
def end():
    yield
    held.release(1)

def test_leaving(clean_caches):
    threading.Thread(target=cache.get_or_load, args=("left", held), daemon=True).start()
    held.reached()
    if {ends == "in time"}:
        threading.Timer(0.05, held.release, [1]).start()

def test_after():
    assert len(cache) == 0
""",
    )
    if ends == "in time":
        assert (code, "2 passed" in out) == (0, True), out
    else:
        assert (code, "still loading: 'left' of <Cache 'mine'" in out, "2 passed, 1 error" in out) == (1, True, True), (
            out
        )


def test_importing_the_plugin_does_not_import_the_package() -> None:
    check_child(
        """
        import sys
        import pytest_fastcache
        print([name for name in sys.modules if name.split(".")[0] == "fastcache"])
        """,
        out="[]",
    )


def test_the_plugin_is_announced_to_pytest() -> None:
    declared = Path(__file__).parents[1] / "pyproject.toml"
    if not declared.is_file():
        pytest.skip("the sources are not here")
    plugins = tomllib.loads(declared.read_text())["project"]["entry-points"]["pytest11"]
    assert [importlib.util.find_spec(name) is not None for name in plugins.values()] == [True]
