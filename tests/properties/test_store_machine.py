"""The cache against its model: any sequence of operations has the same answers, states and counters."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fastcache import Cache, Loaded, NotFound
from fastcache.testing import MovableClock
from tests.harness.effort import EFFORT
from tests.harness.gates import await_idle
from tests.harness.keys import Key
from tests.harness.model import MISSING, Model

SECOND = 10**9
KEYS = st.sampled_from([0, "a", Key("c"), Key("d")])
TTLS = st.sampled_from([..., None, 0, 1, 4, 25])
TAGS = st.sampled_from([(), (), ("a",), ("b",), ("a", "b")])
# Between the steps, for a write is known to a ten-millionth of the lifetime.
AGES = st.sampled_from([None, 0.1, 2.9, 8.6])
# Between them, the middle and each border of every window below.
STEPS = st.sampled_from([0.25, 0.5, 1, 2, 3, 4, 7, 8, 10])
WINDOWS = [(ahead, stale, error) for ahead in (0, 3) for stale in (0, 5) for error in (0, 4, 20)]


class LoadFailedError(Exception):
    """What a loader of these tests raises."""


def weigher(key, value):
    return value % 5


def in_nanoseconds(ttl):
    return ttl if ttl is ... or ttl is None else ttl * SECOND


class CacheMachine(RuleBasedStateMachine):
    cache = None

    @initialize(
        maxsize=st.sampled_from([None, 1, 3]),
        ttl=st.sampled_from([10, 10, 10, None]),
        windows=st.sampled_from([*WINDOWS, (3, 5, 20), (3, 5, 20), (3, 5, 20)]),
        max_weight=st.sampled_from([None, None, 3, 6]),
        negative_ttl=st.sampled_from([0, 4]),
    )
    def make(self, maxsize, ttl, windows, max_weight, negative_ttl):
        ahead, stale, error = windows if ttl is not None else (0, 0, 0)
        self.clock = MovableClock(0)
        self.cache = Cache(
            maxsize,
            ttl,
            refresh_ahead=ahead,
            stale_while_revalidate=stale,
            stale_if_error=error,
            policy="adaptive" if maxsize is None and max_weight is None else "lru",
            refresh_workers=1,
            clock=self.clock,
            max_weight=max_weight,
            negative_ttl=negative_ttl,
            negative_maxsize=10,
            weigher=weigher if max_weight else None,
            on_removal=lambda key, value, cause: self.removed.append((key, value, cause)),
        )
        self.removed = []
        self.model = Model(
            maxsize,
            in_nanoseconds(ttl),
            ahead * SECOND,
            stale * SECOND,
            error * SECOND,
            lambda key: round(self.cache.get_entry(key).retry_in * SECOND),
            max_weight,
            weigher,
            negative_ttl * SECOND,
            NotFound,
        )
        self.number = 0

    def teardown(self):
        if self.cache is not None:
            self.cache.clear()
            assert sorted(value for _, value, _ in self.removed) == sorted(self.model.stored)
            self.cache.close()

    @rule(seconds=STEPS)
    def pass_time(self, seconds):
        self.clock.advance(seconds)
        self.model.now += int(seconds * SECOND)

    @rule(key=KEYS)
    def get(self, key):
        assert self.cache.get(key, MISSING) is self.model.get(key)

    @rule(key=KEYS, ttl=TTLS, tags=TAGS)
    def set(self, key, ttl, tags):
        self.number += 1
        self.cache.set(key, self.number, ttl=ttl, tags=tags)
        self.model.set(key, self.number, in_nanoseconds(ttl), tags)

    @rule(tag=st.sampled_from("ab"))
    def invalidate_tag(self, tag):
        self.cache.invalidate_tag(tag)
        self.model.invalidate_tag(tag)

    @rule(tag=st.sampled_from("ab"))
    def expire_tag(self, tag):
        self.cache.expire_tag(tag)
        self.model.expire_tag(tag)

    @rule(key=KEYS)
    def setdefault(self, key):
        self.number += 1
        assert self.cache.setdefault(key, self.number) == self.model.setdefault(key, self.number)

    @rule(key=KEYS, pop=st.booleans())
    def remove(self, key, pop):
        if pop:
            assert self.cache.pop(key, MISSING) is self.model.pop(key)
        else:
            assert self.cache.delete(key) is (self.model.pop(key) is not MISSING)

    @rule(key=KEYS)
    def expire(self, key):
        assert self.cache.expire(key) is self.model.expire(key)

    @rule()
    def clear(self):
        self.cache.clear()
        self.model.clear()

    @rule(key=KEYS, ttl=TTLS)
    def get_or_load_with_a_ttl(self, key, ttl):
        self.get_or_load(key, fails=False, ttl=ttl)

    @rule(key=KEYS, seconds=STEPS)
    def fail_again_after_some_time(self, key, seconds):
        for _ in range(2):
            self.get_or_load(key, fails=True)
            self.pass_time(seconds)

    @rule(key=KEYS, max_age=AGES, force=st.booleans(), fails=st.booleans())
    def get_or_load_choosily(self, key, max_age, force, fails):
        if self.model.ttl is None:
            # Nobody notes when values were written that never expire.
            max_age = None
        self.get_or_load(key, fails, max_age=max_age, force=force)

    @rule(key=KEYS)
    def find_nothing(self, key):
        self.get_or_load(key, fails=True, error=NotFound)

    @rule(key=KEYS, tags=TAGS)
    def get_or_load_with_tags(self, key, tags):
        self.get_or_load(key, fails=False, tags=tags)

    @rule(key=KEYS, fails=st.booleans())
    def get_or_load(self, key, fails, ttl=..., tags=(), max_age=None, force=False, error=LoadFailedError):
        self.number += 1
        outcome = error(self.number) if fails else self.number

        def load(asked):
            assert asked == key
            if fails:
                raise outcome
            return Loaded(outcome, tags=tags) if tags else outcome

        try:
            got = self.cache.get_or_load(key, load, ttl=ttl, max_age=max_age, force=force)
        except (LoadFailedError, NotFound) as raised:
            # What is remembered is raised as a copy.
            got = raised.args[0] if hasattr(raised, "cached") else raised
        await_idle(self.cache)
        age = None if max_age is None else int(max_age * SECOND)
        expected = self.model.get_or_load(key, outcome, in_nanoseconds(ttl), tags, age, force)
        assert got is expected or got == getattr(expected, "args", [None])[0]

    @rule(key=KEYS)
    def look(self, key):
        entry, age = self.cache.get_entry(key), self.model.age(key)
        if entry is None:
            assert age == "gone"
            return
        held = self.model.held[key]
        left = None if held.expires_at is None else (held.expires_at - self.model.now) / SECOND
        state = age
        if age in ("stale", "fallback"):
            state = "stale" if held.error is None else "stale_error"
        retry_in = max(0.0, (held.retry_at - self.model.now) / SECOND)
        # The error kept is a copy.
        assert repr(entry.last_error) == repr(held.error)
        expected = (held.value, state, left, entry.last_error, held.failures, pytest.approx(retry_in), False)
        assert entry[:7] == expected

    @precondition(lambda self: self.cache is not None)
    @invariant()
    def holds_the_same(self):
        fresh = self.model.fresh()
        assert dict(self.cache.items()) == fresh
        assert set(self.cache) == set(fresh)
        assert len(self.cache) == len(fresh)

    @precondition(lambda self: self.cache is not None)
    @invariant()
    def has_counted_the_same(self):
        stats, model = self.cache.stats(), self.model
        names = "hits stale_hits negative_hits misses loads load_errors evictions oversized "
        names += "refreshes_started refreshes_ok refreshes_failed"
        assert {name: getattr(stats, name) for name in names.split()} == {
            name: getattr(model, name) for name in names.split()
        }
        assert (stats.coalesced, stats.discarded, stats.refreshes_dropped) == (0, 0, 0)

    @precondition(lambda self: self.cache is not None)
    @invariant()
    def has_told_of_the_same_removals(self):
        # Counting sweeps out what has expired for good.
        len(self.cache)
        left = [event for event in self.removed if event[2] != "expired"]
        # One operation may remove several; in which order is not promised.
        assert sorted(left, key=repr) == sorted(self.model.removed, key=repr)
        numbers = [value for _, value, _ in self.removed]
        assert len(set(numbers)) == len(numbers)
        held = {held.value for key, held in self.model.held.items() if self.model.age(key) != "gone"}
        assert not held & set(numbers)
        if self.cache.stats().weight or self.model.max_weight:
            assert self.cache.stats().weight == self.model.weight()

    @precondition(lambda self: self.cache is not None)
    @invariant()
    def is_sound(self):
        self.cache._check()


TestCache = CacheMachine.TestCase
TestCache.settings = settings(
    max_examples=200 * EFFORT,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
