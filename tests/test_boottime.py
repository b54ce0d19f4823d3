"""Which time passes: none of the wall clock's steps matters, and "boottime" goes on while the machine is suspended."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fastcache import Cache
from tests.harness.child import check_child
from tests.harness.gates import await_no_flights
from tests.harness.loaders import unexpected

SRC = Path(__file__).parents[1] / "src" / "fastcache"


def can_suspend() -> bool:
    """Whether a child here may live where more time has passed since the boot, as after a suspension."""
    if not sys.platform.startswith("linux") or not Path("/proc/self/timens_offsets").exists():
        return False
    child = os.fork()
    if child == 0:
        # CLONE_NEWTIME
        os._exit(ctypes.CDLL(None).unshare(0x80) != 0)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(sys.platform == "win32" or not can_suspend(), reason="no time of one's own here")
@pytest.mark.parametrize(
    ("options", "left"),
    [
        ("clock='boottime', ttl=1800", "[None, None, None, None, 'new']"),
        ("clock='boottime', ttl=1800, stale_if_error=3600", "[None, None, None, 'stale', 'new']"),
        ("clock='boottime', ttl=7200", "['old', 'old', 'old', 'fresh', 'old']"),
        ("ttl=1800", "['old', 'old', 'old', 'fresh', 'old']"),
    ],
)
def test_an_hours_suspension_counts_for_boottime_alone(options: str, left: str) -> None:
    check_child(
        f"""
        import ctypes, os, time, warnings
        from fastcache import Cache, cached
        warnings.simplefilter("ignore", DeprecationWarning)
        assert ctypes.CDLL(None).unshare(0x80) == 0
        with open("/proc/self/timens_offsets", "w") as offsets:
            offsets.write("boottime 3600 0\\n")
        cache = Cache({options})
        cache["k"] = cache["other"] = "old"
        assert cache["k"] == cache.get("k") == cache.get_or_load("k", lambda key: "new") == "old"
        child = os.fork()
        if child == 0:
            # The child wakes an hour later.
            entry = cache.get_entry("k")
            found = [cache.get("k"), "old" if "k" in cache else None, next(iter(cache.values()), None)]
            found += [entry and entry.state, cache.get_or_load("k", lambda key: "new")]
            print(found, flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
        out=left,
    )


def test_with_boottime_a_cache_does_what_it_does_with_any_clock() -> None:
    if not hasattr(time, "CLOCK_BOOTTIME") and sys.platform != "darwin":
        with pytest.raises(ValueError, match="clock='boottime'"):
            Cache(clock="boottime")
        return
    cache: Cache[str, Any] = Cache(
        100, 60, clock="boottime", jitter=5, refresh_ahead=50, stale_while_revalidate=30, stale_if_error=60,
        negative_ttl=5,
    )  # fmt: skip
    assert cache.get_or_load("k", lambda key: "loaded") == cache["k"] == cache.get_or_load("k", unexpected) == "loaded"
    entry = cache.get_entry("k")
    assert entry is not None
    assert entry.ttl_left is not None
    assert entry.age is not None
    assert 0 <= entry.age < 30
    assert 25 < entry.ttl_left <= 65
    cache.expire("k")
    assert cache.get_or_load("k", lambda key: "new", with_status=True) == ("loaded", "stale")
    await_no_flights(cache)
    assert cache["k"] == "new"
    cache.set("short", 1, ttl=1e-9)
    assert "short" not in cache


@pytest.mark.parametrize("clock", ["boot", "realtime", None, 5, "Monotonic"])
def test_the_clock_is_one_of_two_names_or_a_movable_one(clock: Any) -> None:
    with pytest.raises(TypeError, match="clock"):
        Cache(clock=clock)


@pytest.mark.skipif(not SRC.is_dir(), reason="the sources are not here")
def test_no_wall_clock_is_read_so_its_steps_have_no_effect() -> None:
    wall = re.compile(
        r"CLOCK_REALTIME|gettimeofday|GetSystemTime|\btime\.time\b|datetime\.now|utcnow|from time import (?!monotonic)"
    )
    sources = [path for path in SRC.rglob("*") if path.suffix in {".py", ".pyx", ".pxd", ".h"}]
    others = {"_demo", "compat"}
    reading = [path.name for path in sources if not others & set(path.parts) and wall.search(path.read_text())]
    assert (len(sources) > 50, reading) == (True, [])
