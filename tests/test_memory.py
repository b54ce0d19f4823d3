"""Operations that run out of memory: MemoryError, and the cache is as sound as before."""

import pytest

from tests.harness.child import check_child

pytest.importorskip("_testcapi", reason="this Python cannot fail its allocations")


def test_whichever_allocation_fails_the_cache_stays_sound():
    check_child(
        """
        import gc
        import sys
        from _testcapi import remove_mem_hooks, set_nomemory

        from fastcache import Cache
        from fastcache.testing import MovableClock
        from tests.harness.keys import Key
        from tests.harness.operations import ALL

        gc.disable()
        more = {
            "make": lambda cache, key: Cache(10, ttl=5),
            "clear": lambda cache, key: cache.clear(),
            "len": lambda cache, key: len(cache),
            "list": lambda cache, key: list(cache.items()),
            "popitem": lambda cache, key: cache.popitem(),
            "sweep": lambda cache, key: cache.sweep(),
            "empty": lambda cache, key: [cache.delete(n) for n in range(60)],
        }
        told = []
        watched = {
            "max_weight": 60,
            "weigher": lambda key, value: 1,
            "on_removal": lambda key, value, cause: told.append(value),
        }
        # A listener without memory is told of nothing, and that is all.
        sys.unraisablehook = lambda unraisable: None
        failures = 0
        for options in ({}, {"policy": "lru"}, {"policy": "fifo"}, watched):
            # Before the first memory, before its growth, before that of the index, at the limit.
            for held in (0, 4, 5, 60):
                for operate in {**ALL, **more}.values():
                    for nth in range(20):
                        clock = MovableClock()
                        cache = Cache(60, ttl=60, stale_if_error=60, clock=clock, **options)
                        for n in range(held):
                            cache[n] = n
                        for key in (Key("k"), ("new", 1)):
                            set_nomemory(nth, nth + 1)
                            try:
                                operate(cache, key)
                            except MemoryError:
                                failures += 1
                            except KeyError:
                                pass
                            finally:
                                remove_mem_hooks()
                            cache._check()
                            assert cache.flights() == []
        assert failures > 500
        print("sound")
        """,
        out="sound",
    )
