"""Operations that run out of memory: MemoryError, and the cache is as sound as before."""

import pytest

from tests.harness.child import check_child
from tests.harness.subjects import SUBJECTS

pytest.importorskip("tests.native.want", reason="built without FASTCACHE_PROBE=1")


def test_whichever_allocation_fails_the_cache_stays_sound():
    check_child(
        """
        import gc
        import sys

        from fastcache import Cache
        from fastcache.testing import MovableClock
        from tests.harness.keys import Key
        from tests.harness.operations import ALL
        from tests.native import want

        gc.disable()
        want.prepare()
        more = {
            "make": lambda cache, key: Cache(10, ttl=5),
            "clear": lambda cache, key: cache.clear(),
            "len": lambda cache, key: len(cache),
            "keys": lambda cache, key: list(cache),
            "values": lambda cache, key: list(cache.values()),
            "items": lambda cache, key: list(cache.items()),
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
                            want.begin(nth)
                            try:
                                operate(cache, key)
                            except MemoryError:
                                failures += 1
                            except KeyError:
                                pass
                            finally:
                                want.end()
                            cache._check()
                            assert cache.flights() == []
        assert failures > 500
        print("sound")
        """,
        out="sound",
    )


# What uses threads or a loop has allocations of theirs; pickle and iterators of dicts do not bear the want of memory;
# each owner of a method is another key.
APART = {"refresh", "refresh_many", "warm", "__reduce__", "__setstate__", "__deepcopy__", "__get__"}
TRIES = """
    import gc
    import sys

    from fastcache import BulkLoadError
    from fastcache.testing import MovableClock
    from tests.harness.acts import odd
    from tests.harness.cache_acts import ELSEWHERE
    from tests.harness.subjects import SUBJECTS
    from tests.native import want

    gc.disable()
    want.prepare()
    # A listener without memory is told of nothing, and that is all.
    sys.unraisablehook = lambda unraisable: None
    COUNTS = "hits stale_hits negative_hits misses loads evictions oversized refreshes_ok".split()
    MOST = 2000
    name, apart = sys.argv[1], sys.argv[2:]
    made = SUBJECTS[name]

    class Thing:
        pass

    def store_of(subject):
        if name in ("cache", "context"):
            return subject
        return {"function": getattr(subject, "cache", None), "namespace": getattr(subject, "_cache", None)}.get(name)

    def held(store):
        return {} if store is None else dict(store.items())

    def counted(store):
        return {} if store is None else {count: getattr(store.stats(), count) for count in COUNTS}

    def since(counts, store):
        return {count: value - counts[count] for count, value in counted(store).items()}

    def in_want(act, subject, key, nth):
        "(what was raised, whether the act was over before) the nth allocation, which fails; None: none does."
        error = None
        if nth is not None:
            want.begin(nth)
        try:
            act(subject, key)
        except BaseException as raised:
            error = raised
        return error, not want.end()

    def is_want(error):
        if isinstance(error, BulkLoadError):
            return any(is_want(one) for one in error.errors.values())
        # The interpreter has words of its own where it cannot even begin a function's traceback.
        return isinstance(error, (MemoryError, SystemError))

    def try_each_allocation(where, prepare, act):
        subject, key = made.make(MovableClock()), Thing()
        store, wants = store_of(subject), 0
        for _ in range(2):
            prepare(subject, key)
            act_once(act, subject, key)
        prepare(subject, key)
        counts = counted(store)
        usual, _ = in_want(act, subject, key, None)
        after, usually = held(store), since(counts, store)
        for nth in range(MOST):
            prepare(subject, key)
            before, counts = held(store), counted(store)
            error, over = in_want(act, subject, key, nth)
            sound = getattr(subject, "_store", store)
            if sound is not None:
                sound._check()
                assert sound._flights() == [], (where, nth)
            now = held(store)
            # A value that is to be replaced may leave without the other one.
            lost = [k for k in before if k in after and k not in now and k not in (key, odd(key), ("space", key))]
            gained = [k for k in now if k not in before and k not in after]
            # Half of a write of many evicts others than the whole.
            assert not lost and not gained or where[0] in ("set_many", "update"), (where, nth, lost, gained)
            more = {count: value for count, value in since(counts, store).items() if value > usually[count]}
            assert not more, (where, nth, more, usually)
            if is_want(error):
                wants += 1
            else:
                assert type(error) is type(usual), (where, nth, error, usual)
            if over:
                return wants
        raise AssertionError(f"{where}: more than {MOST} allocations")

    def act_once(act, subject, key):
        try:
            act(subject, key)
        except Exception:
            pass

    wants = sum(
        try_each_allocation((method, state, number), prepare, act)
        for method, acts in made.acts.items() if method not in apart
        for state, prepare in made.states.items()
        for number, act in enumerate(acts) if act not in ELSEWHERE
    )
    print(wants > 30)
"""


@pytest.mark.parametrize("name", SUBJECTS)
def test_whichever_allocation_of_a_public_method_fails_nothing_is_lost(name: str) -> None:
    awaited = [method for method in SUBJECTS[name].acts if method.startswith("a") and method not in ("age", "advance")]
    check_child(TRIES, name, *APART, *awaited, out="True", limit=120)


def test_hits_of_tasks_without_memory_are_hits_or_memory_errors() -> None:
    check_child(
        """
        import gc
        import sys
        from fastcache import Cache, cached
        from tests.harness.keys import Key
        from tests.native import want

        gc.disable()
        want.prepare()
        # Keys that could not be made complete say so when they go.
        sys.unraisablehook = lambda unraisable: None
        cache = Cache(10, 60)

        @cached(maxsize=10, ttl=60)
        async def function(a, b=None):
            raise AssertionError

        function.cache[function.cache_key(1)] = function.cache[function.cache_key("a", 2)] = "value"
        calls = [
            lambda: cache.aget_or_load("k", print),
            lambda: cache.aget_or_load(Key("k"), print, ttl=5),
            lambda: function(1),
            lambda: function("a", 2),
        ]
        cache["k"] = cache[Key("k")] = "value"
        ends = []
        for call in calls:
            # Once before, for what is imported late.
            try:
                call().__await__().send(None)
            except StopIteration:
                pass
            for nth in range(30):
                want.begin(nth)
                try:
                    try:
                        call().__await__().send(None)
                    except StopIteration as end:
                        ends.append(end.value)
                except MemoryError:
                    ends.append("short")
                finally:
                    want.end()
                assert cache.flights() == function.cache.flights() == []
        cache._check()
        function.cache._check()
        print(*sorted(set(ends)))
        """,
        out="short value",
    )
