"""What type checkers must understand of the public names; checked by mypy, never run."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, assert_type

import fastcache
from fastcache import (
    Cache,
    CacheInfo,
    Entry,
    Failed,
    FlightInfo,
    Flown,
    LoadContext,
    Loaded,
    Policy,
    RemovalCause,
    SingleFlight,
    Stats,
    cached,
    percent,
    sizeof,
)
from fastcache.testing import (
    HeldLoader,
    InlineExecutor,
    ManualExecutor,
    MovableClock,
    assert_no_flights,
    clear_all,
    open_flights,
)


def load(key: str) -> int:
    return len(key)


cache: Cache[str, int] = Cache(100, 60, jitter=percent(10), refresh_ahead=5, clock=MovableClock())
assert_type(cache.get("k"), int | None)
assert_type(cache.get("k", "no"), int | str)
assert_type(cache["k"], int)
assert_type(cache.get_or_load("k", load), int)
assert_type(cache.pop("k"), int)
assert_type(cache.popitem(), tuple[str, int])
assert_type(list(cache), list[str])
assert_type(list(cache.items()), list[tuple[str, int]])
assert_type(cache.delete("k"), bool)
assert_type(cache.get_entry("k"), Entry | None)
assert_type(cache.stats() - cache.stats(), Stats)
assert_type(cache.flights(), list[FlightInfo])
assert_type(cache.sweep(), int)
assert_type(cache.stats().weight, int)
cache.set("k", 1, ttl=None)


def load_many(keys: list[str]) -> dict[str, int | Loaded[int] | Failed]:
    return {key: Failed(ValueError(key)) if key else 0 for key in keys}


def load_knowing(keys: list[str], contexts: dict[str, LoadContext[str, int]]) -> dict[str, int]:
    return {key: contexts[key].stale_value for key in keys}


assert_type(cache.get_many(["k"]), dict[str, int])
assert_type(cache.get_many_or_load(["k"], load_many), dict[str, int])
assert_type(cache.get_many_or_load(["k"], load_many, default=None), dict[str, int | None])
assert_type(cache.get_many_or_load(["k"], load_many, errors="return"), dict[str, int | Exception])
assert_type(cache.get_many_or_load(["k"], load_knowing, with_context=True), dict[str, int])
assert_type(cache.delete_many(["k"]), int)
cache.set_many({"k": 1}, ttl=5, tags="t")


def listen(key: str, value: int, cause: RemovalCause) -> None: ...


weighed: Cache[str, int] = Cache(max_weight=1000, weigher=sizeof, on_removal=listen)

preset: Cache[str, int] = Cache(100, **Policy.hot_key(60))
wide = Policy.bulk(60) | Policy.always_available(60)


@cached
def bare(x: int, y: str = "") -> float:
    return x + len(y)


@cached(ttl=60, jitter=(-5, 0))
def configured(x: int) -> str:
    return str(x)


class Owner:
    @cached(10)
    def method(self, x: int) -> bytes:
        return bytes(x)


assert_type(bare(1, y="a"), float)
assert_type(configured(1), str)
assert_type(Owner().method(1), bytes)
owner = Owner()
assert_type(owner.method.cache_invalidate(owner, 1), bool)
owner.method.cache_invalidate(1)  # type: ignore[call-arg, arg-type]
assert_type(bare.cache_info(), CacheInfo)
assert_type(configured.cache_refresh(1), str)
assert_type(SingleFlight().do("k", load, "k"), Flown[int])
bare("no")  # type: ignore[arg-type]
cache["k"] = "no"  # type: ignore[assignment]
fastcache.Cache(0.5)  # type: ignore[arg-type]

held: HeldLoader[int] = HeldLoader(timeout=5)
assert_type(cache.get_or_load("k", held), int)
held.reached(1, timeout=5)
held.release(1)
held.release(ValueError())
assert_type(held.calls, list[object])
assert_type(InlineExecutor().submit(load, "k"), Future[int])
assert_type(ManualExecutor().submit(load, "k"), Future[int])
assert_type(ManualExecutor().run_next(), bool)
assert_type(ManualExecutor().run_all(), int)
assert_type(open_flights(), list[tuple[Any, FlightInfo]])
assert_no_flights()
clear_all()


async def load_many_later(keys: list[str]) -> dict[str, int]:
    return dict.fromkeys(keys, 0)


async def ask() -> None:
    assert_type(await cache.aget_many_or_load(["k"], load_many), dict[str, int])
    assert_type(await cache.aget_many_or_load(["k"], load_many_later), dict[str, int])
    assert_type(await cache.aget_many_or_load(["k"], load_many_later, default=None), dict[str, int | None])
    assert_type(await cache.aget_many_or_load(["k"], load_knowing, with_context=True), dict[str, int])
    assert_type(await cache.aget_many_or_load(["k"], load_many_later, errors="return"), dict[str, int | Exception])
