"""What is registered is found while it lives, and is not kept alive."""

from __future__ import annotations

import gc
from typing import Any

from fastcache._registry import Registry
from tests.harness.effort import EFFORT
from tests.harness.gates import all_at_once


class Thing:
    """As awkward as caches: neither hashable nor comparable."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")


def test_the_living_are_listed_once_in_the_order_of_their_coming() -> None:
    registry: Registry[Any] = Registry()
    things = [Thing() for _ in range(3)]
    for thing in (*things, things[0]):
        registry.add(thing)
    assert list(map(id, registry.living())) == list(map(id, things))


def test_nothing_is_kept_alive_or_remembered() -> None:
    registry: Registry[Any] = Registry()
    things = [Thing() for _ in range(3)]
    for thing in things:
        registry.add(thing)
    del thing, things[1]
    gc.collect()
    assert list(map(id, registry.living())) == list(map(id, things))
    things.clear()
    gc.collect()
    assert (registry.living(), registry._references) == ([], {})


def test_threads_may_add_and_drop_while_others_look() -> None:
    registry: Registry[Any] = Registry()
    kept = Thing()
    registry.add(kept)

    def come_and_go() -> None:
        for _ in range(500 * EFFORT):
            registry.add(Thing())

    def look() -> None:
        for _ in range(200 * EFFORT):
            assert registry.living()[0] is kept

    for call in [*all_at_once(3, come_and_go), *all_at_once(1, look)]:
        call.result()
    gc.collect()
    assert [thing is kept for thing in registry.living()] == [True]


def test_a_finalizer_may_add_and_look() -> None:
    registry: Registry[Any] = Registry()
    kept: list[Thing] = []

    class Final(Thing):
        def __del__(self) -> None:
            kept.append(Thing())
            registry.add(kept[-1])
            assert registry.living()

    for _ in range(100):
        registry.add(Final())
    gc.collect()
    assert len(registry.living()) == len(kept) == 100
