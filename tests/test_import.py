"""Importing fastcache brings in little: no framework, and nothing of the standard library that takes long."""

from __future__ import annotations

import os
from pathlib import Path

import fastcache
from tests.harness.child import check_child, run_child

HERE = str(Path(fastcache.__file__).parents[1])
# What it imports itself, and what that brings in on one Python or another; underscored ones aside.
STANDARD = (
    "atexit collections contextlib contextvars copyreg enum errno functools genericpath heapq itertools keyword math "
    f"operator os {os.path.__name__} queue re reprlib stat threading types typing warnings weakref"
).split()
# Its own that most programs do not need, each with what it would bring in.
LATE = {
    "fastcache._aio": "asyncio",
    "fastcache._task_loads": "asyncio",
    "fastcache._options": "nothing but itself",
    "fastcache.compat": "the stand-ins",
    "fastcache.testing": "what tests need",
}


def imported(*, statement: str) -> list[str]:
    """The modules that a statement brings in, in a Python without site, which may have brought some in before."""
    child = run_child(
        f"import sys; sys.path.insert(0, {HERE!r}); before = set(sys.modules)\n{statement}\n"
        "print(*sorted(set(sys.modules) - before))",
        options=("-S", "-W", "error"),
    )
    assert (child.code, child.err) == (0, "")
    return child.out.split()


def test_importing_fastcache_imports_only_these() -> None:
    found = imported(statement="import fastcache")
    tops = {name.partition(".")[0] for name in found if not name.startswith("_")}
    assert tops - {"fastcache", "cython_runtime"} <= set(STANDARD)
    assert [name for name in found if name.startswith(tuple(LATE))] == []


def test_decorating_imports_no_more() -> None:
    snippet = "import fastcache\n@fastcache.cached(ttl=60)\ndef f(x): return x\nassert f(1) == f(1)"
    assert imported(statement=snippet) == imported(statement="import fastcache")


def test_what_comes_late_comes_when_it_is_used() -> None:
    check_child(
        """
        import asyncio, datetime
        from concurrent.futures import ThreadPoolExecutor
        import fastcache

        async def load(key):
            return key

        with ThreadPoolExecutor(1) as pool:
            minute, second = datetime.timedelta(minutes=1), datetime.timedelta(seconds=1)
            cache = fastcache.Cache(10, minute, jitter=(-second, second), executor=pool)
            assert asyncio.run(cache.aget_or_load("k", load)) == "k"
            assert cache.refresh("k", str).result() == "k"
            assert cache.warm(["k", "l"], str).loaded == 1
            assert asyncio.run(fastcache.lru_cache(load)(1)) == 1
        """
    )
