"""Programs for a cache, written as bytes, and played against oracles: what fuzzing and its corpus are made of.

Byte 0 chooses the cache.  Every three bytes after it are an operation: what, of which key, and how.  Any bytes are a
program, so they may be drawn, cut and spliced at will, and the same bytes do the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from fastcache import Cache, Loaded, NotFound
from fastcache.testing import InlineExecutor, MovableClock
from tests.harness.keys import Key
from tests.harness.model import MISSING, Model

SECOND = 10**9
STEP = 3
# Operations between two looks at everything.
STRIDE = 32
KEYS: list[Any] = [0, "a", ("t", 1), *(Key(name) for name in "bcde"), *range(100, 125)]
TTLS: list[Any] = [..., ..., ..., None, 0, 1, 4, 25]
TAGS: list[tuple[str, ...]] = [(), (), ("a",), ("b",), ("a", "b")]
SECONDS = [0.25, 0.5, 1, 2, 3, 4, 7, 8, 10, 60]
AGES: list[Any] = [None, None, 0.1, 2.9, 8.6]
# Expiries of a tag after which windows are exact still.
REMEMBERED_EXPIRIES = 20
COUNTS = [
    *("hits", "stale_hits", "negative_hits", "misses", "loads", "load_errors", "evictions", "oversized"),
    *("refreshes_started", "refreshes_ok", "refreshes_failed"),
]


class LoadFailedError(Exception):
    """What a loader of a program raises."""


def _nanoseconds(ttl: Any) -> Any:
    return ttl if ttl is ... or ttl is None else ttl * SECOND


def _weigher(key: Any, value: int) -> int:
    return value % 5


class Program:
    """One run of a program.  ``play`` raises AssertionError where the cache is not as its model says.

    ``seen`` gathers what it came to: (operation, age of the key before, kind of answer), by which a search knows that
    a program does what none before it did.
    """

    def __init__(self, code: bytes) -> None:
        self.code = code
        head = code[0] if code else 0
        maxsize: int | None = [None, 1, 3, 8][head & 3]
        ttl = None if head & 12 == 12 else 10
        ahead, stale, error = [(0, 0, 0), (3, 5, 20), (3, 0, 4), (0, 5, 0)][head >> 4 & 3] if ttl else (0, 0, 0)
        max_weight = 6 if head & 64 else None
        self.clock = MovableClock(0)
        self.removed: list[tuple[Any, Any, str]] = []
        self.cache: Cache[Any, Any] = Cache(
            maxsize, ttl, refresh_ahead=ahead, stale_while_revalidate=stale, stale_if_error=error,
            policy="adaptive" if maxsize is None and max_weight is None else "lru", executor=InlineExecutor(),
            clock=self.clock, max_weight=max_weight, weigher=_weigher if max_weight else None,
            negative_ttl=4 if head & 128 else 0, negative_maxsize=100,
            on_removal=lambda key, value, cause: self.removed.append((key, value, cause)),
        )  # fmt: skip
        self.model = Model(
            maxsize, _nanoseconds(ttl), ahead * SECOND, stale * SECOND, error * SECOND, self._retry_in, max_weight,
            _weigher, (4 if head & 128 else 0) * SECOND, NotFound,
        )  # fmt: skip
        self.number = 0
        self.expiries: Counter[str] = Counter()
        self.seen: set[tuple[Any, ...]] = set()

    def _retry_in(self, key: Any) -> int:
        # Drawn at random, so the model asks.
        entry = self.cache.get_entry(key)
        assert entry is not None
        return round(entry.retry_in * SECOND)

    def play(self) -> int:
        """How many operations there were."""
        code, count = self.code, (len(self.code) - 1) // STEP
        for number in range(count):
            what, which, how = code[1 + number * STEP : 1 + number * STEP + STEP]
            act = ACTS[what % len(ACTS)]
            key = KEYS[which % len(KEYS)]
            age = self.model.age(key)
            answer = act(self, key, which >> 5, how)
            self.seen.add((act.__name__, age, answer, len(self.model.held) // 4))
            if number % STRIDE == STRIDE - 1:
                self.compare()
        self.compare()
        self.cache.clear()
        assert sorted(value for _, value, _ in self.removed) == sorted(self.model.stored)
        return count

    def compare(self) -> None:
        fresh = self.model.fresh()
        assert dict(self.cache.items()) == fresh
        assert len(self.cache) == len(fresh)
        stats = self.cache.stats()
        assert {name: getattr(stats, name) for name in COUNTS} == {name: getattr(self.model, name) for name in COUNTS}
        assert (stats.coalesced, stats.discarded, stats.refreshes_dropped) == (0, 0, 0)
        assert not self.model.max_weight or stats.weight == self.model.weight()
        self.cache._check()

    # ---- operations; what each returns is the kind of its answer ----

    def get(self, key: Any, more: int, how: int) -> bool:
        expected = self.model.get(key)
        assert self.cache.get(key, MISSING) is expected
        return expected is MISSING

    def set(self, key: Any, more: int, how: int) -> int:
        self.number += 1
        ttl, tags = TTLS[how % len(TTLS)], TAGS[(how >> 3) % len(TAGS)]
        self.cache.set(key, self.number, ttl=ttl, tags=tags)
        self.model.set(key, self.number, _nanoseconds(ttl), tags)
        return how & 7

    def write(self, key: Any, more: int, how: int) -> None:
        self.number += 1
        self.cache[key] = self.number
        self.model.set(key, self.number)

    def setdefault(self, key: Any, more: int, how: int) -> None:
        self.number += 1
        assert self.cache.setdefault(key, self.number) == self.model.setdefault(key, self.number)

    def pop(self, key: Any, more: int, how: int) -> bool:
        expected = self.model.pop(key)
        assert self.cache.pop(key, MISSING) is expected
        return expected is MISSING

    def delete(self, key: Any, more: int, how: int) -> None:
        assert self.cache.delete(key) is (self.model.pop(key) is not MISSING)

    def expire(self, key: Any, more: int, how: int) -> None:
        assert self.cache.expire(key) is self.model.expire(key)

    def invalidate_tag(self, key: Any, more: int, how: int) -> None:
        tag = "ab"[how & 1]
        if how & 2:
            self.cache.invalidate_tag(tag)
            self.model.invalidate_tag(tag)
        elif self.expiries[tag] < REMEMBERED_EXPIRIES:
            # After more of them windows may end early.
            self.expiries[tag] += 1
            self.cache.expire_tag(tag)
            self.model.expire_tag(tag)

    def advance(self, key: Any, more: int, how: int) -> None:
        seconds = SECONDS[how % len(SECONDS)]
        self.clock.advance(seconds)
        self.model.now += int(seconds * SECOND)

    def sweep(self, key: Any, more: int, how: int) -> None:
        # It changes nothing that can be seen; seldom does clear.
        if how < 8:
            self.cache.clear()
            self.model.clear()
        else:
            self.cache.sweep()

    def load(self, key: Any, more: int, how: int) -> bool:
        """The usual load."""
        return self._load(key, {}, (), False, LoadFailedError)

    def load_choosily(self, key: Any, more: int, how: int) -> bool:
        options: dict[str, Any] = {"ttl": TTLS[how % len(TTLS)], "force": how & 64 > 0}
        # Nobody notes when values were written that never expire.
        if self.model.ttl is not None:
            options["max_age"] = AGES[(how >> 3) % len(AGES)]
        return self._load(key, options, TAGS[more % len(TAGS)], False, LoadFailedError)

    def fail_to_load(self, key: Any, more: int, how: int) -> bool:
        return self._load(key, {"force": how & 7 == 0}, (), True, NotFound if how & 8 else LoadFailedError)

    def _load(self, key: Any, options: dict[str, Any], tags: Any, fails: bool, error: type[Exception]) -> bool:
        self.number += 1
        outcome: Any = error(self.number) if fails else self.number

        def load(asked: Any) -> Any:
            if fails:
                raise outcome
            return Loaded(outcome, tags=tags) if tags else outcome

        try:
            got = self.cache.get_or_load(key, load, **options)
        except (LoadFailedError, NotFound) as raised:
            # What is remembered is raised as a copy.
            got = raised.args[0] if hasattr(raised, "cached") else raised
        age = options.get("max_age")
        expected = self.model.get_or_load(
            key, outcome, _nanoseconds(options.get("ttl", ...)), tags, None if age is None else int(age * SECOND),
            options.get("force", False),
        )  # fmt: skip
        assert got is expected or got == getattr(expected, "args", [None])[0]
        return expected is outcome


Act = Callable[[Program, Any, int, int], object]
# Some twice, as they are what makes others worth while.
ACTS: list[Act] = [
    Program.get, Program.get, Program.set, Program.write, Program.write, Program.setdefault, Program.pop,
    Program.delete, Program.expire, Program.invalidate_tag, Program.advance, Program.advance, Program.sweep,
    Program.load, Program.load, Program.load_choosily, Program.fail_to_load,
]  # fmt: skip
