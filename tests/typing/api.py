"""What type checkers must understand of the public names; checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
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
    clru_cache,
    lru_cache,
    percent,
    sizeof,
)
from fastcache.compat.alru import alru_cache
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
owner.method.cache_invalidate(1)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
assert_type(bare.cache_info(), CacheInfo)
assert_type(configured.cache_refresh(1), str)


# Bare and called, with and without options; each keeps the parameters.
@lru_cache
def lru_bare(x: int, *, y: str = "") -> float:
    return x + len(y)


@lru_cache()
def lru_called(x: int) -> float:
    return x


@lru_cache(maxsize=None, typed=True, ttl=60, jitter=percent(5), coalesce=True)
def lru_options(x: int) -> float:
    return x


@fastcache.cache
def cache_bare(x: int) -> bytes:
    return bytes(x)


@fastcache.cache(ttl=60)
def cache_called(x: int) -> bytes:
    return bytes(x)


@clru_cache(unhashable="ignore", state=[1])
def clru(x: int) -> str:
    return str(x)


assert_type(lru_bare(1, y="a"), float)
assert_type(lru_called(1), float)
assert_type(lru_options(1), float)
assert_type(cache_bare(1), bytes)
assert_type(cache_called(1), bytes)
assert_type(clru(1), str)
assert_type(lru_bare.cache_info(), CacheInfo)
assert_type(lru_bare.cache_parameters(), dict[str, Any])
assert_type(lru_bare.cache_contains(1, y="a"), bool)
assert_type(lru_cache(len)("a"), int)
lru_bare("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lru_called()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
lru_options("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
cache_bare("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
cache_called("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
clru("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lru_bare.cache_contains("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lru_cache(maxsize="no")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
clru_cache(unhashable="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class Described:
    """Methods of each kind, through each kind of decorator."""

    @lru_cache
    def method(self, x: int) -> float:
        return x

    @classmethod
    @lru_cache(maxsize=5)
    def of_class(cls, x: int) -> str:
        return str(x)

    @staticmethod
    @fastcache.cache
    def static(x: int) -> bytes:
        return bytes(x)

    @cached(ttl=5)
    async def awaited(self, x: int) -> int:
        return x

    @property
    @cached
    def computed(self) -> complex:
        return 1j

    @alru_cache(ttl=5)
    async def alru(self, x: int) -> list[int]:
        return [x]


described = Described()
assert_type(described.method(1), float)
assert_type(Described.method(described, 1), float)
assert_type(Described.static(1), bytes)
assert_type(described.of_class(1), str)
assert_type(Described.of_class(1), str)
assert_type(described.static(1), bytes)
assert_type(described.computed, complex)
described.method("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Described.static("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
described.static("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Described.of_class("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
described.of_class("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
described.method.cache_invalidate(described, 1)
plain: Callable[[int], float] = described.method


@cached
async def coroutine(x: int) -> str:
    return str(x)


@alru_cache
async def alru_bare(x: int) -> str:
    return str(x)


async def awaiting() -> None:
    pending: Coroutine[Any, Any, str] = coroutine(1)
    assert_type(await pending, str)
    assert_type(await coroutine(1), str)
    assert_type(await described.awaited(1), int)
    assert_type(await alru_bare(1), str)
    assert_type(await described.alru(1), list[int])
    assert_type(described.alru.cache_invalidate(1), bool)
    assert_type(alru_bare.cache_info(), CacheInfo)
    await coroutine("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await described.awaited("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await alru_bare("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await described.alru("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


assert_type(SingleFlight().do("k", load, "k"), Flown[int])
bare("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
cache["k"] = "no"  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
fastcache.Cache(0.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

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
