"""Calls of public methods as tests play them: an act of ``(subject, key)``, and loaders that acts use."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from fastcache import NotFound
from fastcache.testing import MovableClock
from tests.harness.keys import Key, fault

Act = Callable[[Any, Any], object]

# Seconds for what another thread does.
PATIENCE = 30


class Subject(NamedTuple):
    """A class, how to make one, the states that a key may be in, and for each method the calls of it."""

    of: type
    make: Callable[[MovableClock], Any]
    states: dict[str, Act]
    acts: dict[str, tuple[Act, ...]]


def play(act: Act, subject: Any, key: Any) -> object:
    """An act's answer; None in the place of an error that bad input, a missing key or a failing loader makes."""
    try:
        return act(subject, key)
    except MemoryError:
        raise
    except Exception:
        return None


# What class statements and Cython leave in every class.
INBORN = {
    *dir(object),
    *("__annotations__", "__class_getitem__", "__dict__", "__module__", "__orig_bases__", "__parameters__"),
    *("__pyx_vtable__", "__slots__", "__static_attributes__", "__firstlineno__", "__weakref__", "__annotate__"),
    *("__annotate_func__", "__annotations_cache__"),
} - {"__reduce__", "__repr__"}  # fmt: skip


def methods(of: type) -> set[str]:
    """The names of a class that a program may use and that are its own."""
    inherited = {name for name in ("__reduce__", "__repr__") if getattr(of, name) is getattr(object, name)}
    private = {name for name in dir(of) if name.startswith("_") and not name.startswith("__")}
    nothing = {name for name in dir(of) if getattr(of, name, None) is None}
    return set(dir(of)) - INBORN - inherited - private - nothing


@functools.cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


def in_loop(make: Callable[[], Awaitable[Any]]) -> Any:
    """Awaits what ``make`` returns, in a task of a loop that all share."""

    async def wait() -> Any:
        return await make()

    return _runner().run(wait())


def close_loop() -> None:
    _runner().close()
    _runner.cache_clear()


def same(key: Any) -> Any:
    return key


def fail(*_: Any) -> Any:
    return fault()


def find_nothing(*_: Any) -> Any:
    raise NotFound


def exhaust(*_: Any) -> Any:
    raise RecursionError


async def later(key: Any) -> Any:
    await asyncio.sleep(0)
    return key


def each(keys: Any) -> dict[Any, Any]:
    return {key: key for key in keys}


async def each_later(keys: Any) -> dict[Any, Any]:
    await asyncio.sleep(0)
    return each(keys)


def bad(key: Any) -> Key:
    """Cannot be hashed, and knows the key."""
    return Key(key, on_hash=fault)


def odd(key: Any) -> tuple[str, Any]:
    """Is compared without Python only where the key is."""
    return "odd", key


def keyed(call: Act) -> tuple[Act, ...]:
    """A call with a plain key, one that Python compares, and two that cannot be hashed."""
    return call, lambda c, k: call(c, odd(k)), lambda c, k: call(c, bad(k)), lambda c, k: call(c, [k])
