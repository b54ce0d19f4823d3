"""The benchmarks' adapters really cache, their keys are what they are called, and their workloads run.

None of the peers need be installed; those that are have to cache.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench import contenders, keys, tasks, timing, workloads
from bench.contender import Contender


def known(name: str) -> Contender:
    found, _ = contenders.load()
    if name not in found:
        pytest.skip(f"{name} is not here")
    return found[name]


# The names are fixed, so that which tests there are does not depend on what is installed.
CONTAINERS = [
    "dict",
    "fastcache",
    "fastcache, exact lru",
    "cachebox.Cache",
    "cachebox.LRUCache",
    "cachebox.TTLCache",
    "cachetools.LRUCache",
    "cachetools.TTLCache",
    "theine",
    "moka-py",
    "lru-dict",
    "dogpile.cache memory",
    "Lock + OrderedDict by hand",
]
DECORATORS = [
    *CONTAINERS[1:10],
    "dogpile.cache memory",
    "Lock + OrderedDict by hand",
    "functools.lru_cache",
    "cachetools.func.ttl_cache",
]
COROUTINES = [
    "fastcache",
    "async-lru",
    "cachebox.LRUCache",
    "cachebox.TTLCache",
    "theine",
    "moka-py",
    "moka-py, wait_concurrent",
    "cashews",
    "aiocache.cached",
    "aiocache.cached_stampede",
]


# ---- keys ----


def test_keys_asked_for_are_those_stored() -> None:
    for name, (stored, asked) in keys.kinds(20).items():
        assert stored == asked
        assert [a is b for a, b in zip(stored, asked, strict=True)] == [name != "copy"] * 20
        assert len(dict.fromkeys(stored)) == 20


def test_mixes_are_fixed_and_have_their_share_of_writes() -> None:
    trace = keys.mixed(keys.texts(1_000), 4_000, 0.05)
    assert trace == keys.mixed(keys.texts(1_000), 4_000, 0.05)
    assert 0.04 < sum(write for _, write in trace) / 4_000 < 0.06
    counts = sorted((sum(key == other for other, _ in trace) for key in {key for key, _ in trace}), reverse=True)
    # The hottest of 1,000 has a share of 1 / H(1,000) = 0.134.
    assert 0.11 < counts[0] / 4_000 < 0.16


# ---- adapters ----


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_keeps_what_its_statement_writes(name: str) -> None:
    contender = known(name)
    container = contender.make(100)  # type: ignore[misc]
    write = contender.filler(container)
    write("a", 1)
    write("b", 2)
    write("a", 3)
    scope = contender.names(container)

    def get(key: str) -> Any:
        return contender.value(eval(contender.get or "", {**scope, "k": key}))

    assert [get("a"), get("b"), get("c")] == [3, 2, None]
    if contender.item:
        assert eval(contender.item, {**scope, "k": "b"}) == 2
    if contender.iterate:
        listed: list[Any] = []
        eval(contender.iterate, {**scope, "drain": listed.extend})
        assert sorted(listed) == ["a", "b"]
    if contender.bulk:
        assert [contender.value(value) for value in eval(contender.bulk, {**scope, "many": ["a", "b"]})] == [3, 2]


@pytest.mark.parametrize("name", CONTAINERS)
def test_get_or_load_loads_once(name: str) -> None:
    contender = known(name)
    if contender.load is None:
        pytest.skip("it has no such thing")
    loads: list[str] = []
    # Keys and loads are globals here, for a statement may close over them.
    scope = {**contender.names(contender.make(100)), "load": lambda key: loads.append(key) or key.upper()}  # type: ignore[misc,func-returns-value]
    assert [eval(contender.load, {**scope, "k": key}) for key in "aabba"] == list("AABBA")
    assert loads == ["a", "b"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_bounded_container_stays_bounded(name: str) -> None:
    contender = known(name)
    if not contender.bounded or "insert" in contender.cannot:
        pytest.skip("it does not evict")
    container = contender.make(50)  # type: ignore[misc]
    write = contender.filler(container)
    for key in keys.texts(2_000):
        write(key, 1)
    get = contender.names(container)["get"]
    held = sum(contender.value(get(key)) is not None for key in keys.texts(2_000))
    # Some evict a little later than they write.
    assert 0 < held < 1_000


@pytest.mark.parametrize("name", DECORATORS)
def test_a_decorator_caches(name: str) -> None:
    contender = known(name)
    calls: list[Any] = []

    def function(*args: Any, **kwargs: Any) -> int:
        calls.append((args, kwargs))
        return len(calls)

    def one(key: Any) -> int:
        return function(key)

    decorated = contender.decorate(one, 100)  # type: ignore[misc]
    assert [decorated("a"), decorated("b"), decorated("a"), decorated("b")] == [1, 2, 1, 2]


@pytest.mark.parametrize("name", COROUTINES)
def test_a_decorator_caches_what_is_awaited(name: str) -> None:
    contender = known(name)
    calls: list[str] = []

    async def function(key: str) -> str:
        calls.append(key)
        return key.upper()

    async def main() -> list[str]:
        decorated = contender.decorate_async(function, 100)  # type: ignore[misc]
        return [await decorated(key) for key in "abab"]

    assert asyncio.run(main()) == list("ABAB")
    assert calls == ["a", "b"]


@pytest.mark.parametrize("name", COROUTINES)
def test_the_loads_of_a_crowd_are_counted(name: str) -> None:
    loads, spent = asyncio.run(tasks.crowd(known(name), 20))
    assert loads == (20 if name in ("moka-py", "aiocache.cached") else 1)
    assert spent > 0


def test_who_loads_more_than_once_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(function: Any, capacity: int) -> Any:
        return function

    present = {"fastcache": known("fastcache"), "none": Contender("none", None, decorate_async=plain)}
    monkeypatch.setattr(contenders, "load", lambda: (present, {}))
    found = tasks.measure(10, rounds=2)
    assert found["none"] == {"loads": 10}
    assert (found["fastcache"]["loads"], len(found["fastcache"]["times"])) == (1, 2)


def test_who_is_left_out_is_named_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "LIBRARIES", {"of_python": None, "of_nothing": "no_such_library_at_all"})
    contenders.load.cache_clear()
    try:
        found, skipped = contenders.load()
    finally:
        contenders.load.cache_clear()
    assert list(found) == ["dict", "functools.lru_cache"]
    assert skipped == {"no_such_library_at_all": "not installed"}


@pytest.mark.parametrize("name", workloads.BY_NAME)
def test_a_workload_runs_for_all_who_take_part(name: str) -> None:
    present = contenders.load()[0]
    chosen = {key: present[key] for key in ("dict", "functools.lru_cache", "fastcache", "Lock + OrderedDict by hand")}
    units = workloads.units(workloads.BY_NAME[name], chosen)
    assert "fastcache" in units
    with asyncio.Runner() as event_loop:
        for unit in units.values():
            assert timing.runner(unit, None, event_loop)(1) >= 0
