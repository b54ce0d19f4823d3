"""Names of tags: kept while somebody bears them, forgotten after that, and right whatever threads do."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from typing import Any

import pytest

from fastcache import Cache, Loaded
from tests.harness.effort import EFFORT
from tests.harness.gates import Call, HeldLoader


@pytest.mark.parametrize("method", ["invalidate_tag", "expire_tag"])
def test_a_tag_is_a_str(make: Any, method: str) -> None:
    class Name(str):
        __slots__ = ()

    cache = make(ttl=60)
    cache.set("k", 1, tags="t")
    with pytest.raises(TypeError, match="tag must be a str, not 5"):
        getattr(cache, method)(5)
    assert "k" in cache
    getattr(cache, method)(Name("t"))
    assert "k" not in cache


def test_a_flood_of_names_is_forgotten(make: Any) -> None:
    cache = make(100, ttl=60)
    cache.set("kept", 1, tags="kept")
    for number in range(20_000):
        cache.set("k", number, tags=(f"a{number}", f"b{number}"))
    for number in range(20_000):
        # Invalidating makes no names.
        cache.invalidate_tag(f"c{number}")
    # Nothing shows the names but the collector.
    [names] = [d for d in gc.get_referents(*gc.get_referents(cache)) if isinstance(d, dict) and "kept" in d]
    assert len(names) < 200
    cache.invalidate_tag("kept")
    assert "kept" not in cache


def test_a_name_that_was_forgotten_is_invalidated_all_the_same(make: Any) -> None:
    cache = make(ttl=60)
    loader = HeldLoader(Loaded("loaded", tags="t"))
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    cache.set("other", 1, tags="t")
    cache.invalidate_tag("t")
    cache.delete("other")
    for number in range(1000):
        cache.set("k2", number, tags=f"{number}")
    loader.gate.open()
    assert (leader.result(), "k" in cache) == ("loaded", False)


def test_what_is_set_outlives_an_invalidation_of_another_name_at_the_same_time(make: Any) -> None:
    cache = make(ttl=60)

    def names() -> Iterator[str]:
        cache.invalidate_tag("unknown")
        yield "t"

    cache.set("k", 1, tags=names())
    assert cache.get("k") == 1
    cache.delete("k")
    cache.set_many({"k": 2}, tags=names())
    assert cache.get("k") == 2


def test_after_an_invalidation_nobody_sees_what_was_written_before_it() -> None:
    """More names than are kept for nothing, so that they are forgotten and made anew all the time."""
    cache: Cache[int, int] = Cache(5000, ttl=60)
    writes = 3000 * EFFORT

    def act(seed: int) -> None:
        draw = random.Random(seed)
        for number in range(writes):
            # Keys and tags of this thread alone: it knows what must be there.
            key = seed * 1000 + draw.randrange(30)
            tag = f"{seed} {draw.randrange(40)}"
            cache.set(key, number, tags=(tag, "shared"))
            assert cache.get(key) == number
            cache.invalidate_tag(tag)
            assert cache.get(key) is None, f"{key} outlived {tag!r}"

    for call in [Call(act, seed) for seed in range(4)]:
        call.result()
    cache._check()
