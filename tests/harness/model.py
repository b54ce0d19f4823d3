"""The reference cache: a dict and a clock, no threads, no jitter, no stripes; slow and obvious.

It says what a ``Cache`` with ``policy="lru"`` or no bound must answer when loads behind served values end before the
next operation begins.  All instants are whole nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MISSING = object()
RETRY_BASE = 1_000_000_000
RETRY_CAP = 60_000_000_000


@dataclass
class Held:
    """One value, and what is known of its loads."""

    value: Any
    due_at: int | None
    expires_at: int | None
    failures: int = 0
    error: BaseException | None = None
    retry_at: int = 0
    written_at: int = 0
    tags: tuple[str, ...] = ()


@dataclass
class Absent:
    """A key of which it is remembered that there is none."""

    error: Exception
    until: int


class Model:
    """:param retry_in: asks the real cache for how long it leaves a failing key alone, which is drawn at random.

    ``removed`` lists what has left alive: (key, value, cause).  What expires is not in it, for a cache may notice
    later.  ``stored`` lists all values that were ever held.
    """

    def __init__(
        self,
        maxsize: int | None,
        ttl: int | None,
        refresh_ahead: int,
        stale_window: int,
        error_window: int,
        retry_in: Callable[[Any], int],
        max_weight: int | None = None,
        weigher: Callable[[Any, Any], int] = lambda key, value: 0,
        negative_ttl: int = 0,
        negative: type[Exception] = LookupError,
    ) -> None:
        self.maxsize = maxsize
        self.max_weight = max_weight
        self.weigher = weigher
        self.removed: list[tuple[Any, Any, str]] = []
        self.stored: list[Any] = []
        self.ttl = ttl
        self.refresh_ahead = refresh_ahead
        self.stale_window = stale_window
        self.error_window = error_window
        self.retry_in = retry_in
        self.negative_ttl = negative_ttl
        self.negative = negative
        self.absent: dict[Any, Absent] = {}
        self.negative_hits = 0
        self.now = 0
        # In the order of their use, the longest unused first.
        self.held: dict[Any, Held] = {}
        self.hits = self.stale_hits = self.misses = self.loads = self.load_errors = self.evictions = self.oversized = 0
        self.refreshes_started = self.refreshes_ok = self.refreshes_failed = 0

    def age(self, key: Any) -> str:
        held = self.held.get(key)
        if held is None:
            return "gone"
        if held.expires_at is None or held.due_at is None or self.now < held.due_at:
            return "fresh"
        if self.now < held.expires_at:
            return "due"
        if self.now < held.expires_at + self.stale_window:
            return "stale"
        return "fallback" if self.now < held.expires_at + self.error_window else "gone"

    def has(self, key: Any) -> bool:
        return self.age(key) in ("fresh", "due")

    def fresh(self) -> dict[Any, Any]:
        return {key: held.value for key, held in self.held.items() if self.has(key)}

    def _touch(self, key: Any) -> None:
        self.held[key] = self.held.pop(key)

    def get(self, key: Any) -> Any:
        if not self.has(key):
            self.misses += 1
            return MISSING
        self.hits += 1
        self._touch(key)
        return self.held[key].value

    def set(self, key: Any, value: Any, ttl: Any = ..., tags: tuple[str, ...] = ()) -> None:
        self.absent.pop(key, None)
        lives = self.ttl if ttl is ... else ttl
        too_heavy = self.max_weight is not None and self.weigher(key, value) > self.max_weight
        if lives == 0 or too_heavy:
            self.oversized += lives != 0
            self._remove(key, "replaced")
            return
        self._make_room(key, value)
        self._remove(key, "replaced")
        due_at = expires_at = None
        if lives is not None:
            expires_at = self.now + lives
            due_at = expires_at - (self.refresh_ahead if self.refresh_ahead < lives else lives // 2)
        self.held[key] = Held(value, due_at, expires_at, written_at=self.now, tags=tags)
        self.stored.append(value)

    def weight(self) -> int:
        return sum(self.weigher(key, held.value) for key, held in self.held.items() if self.age(key) != "gone")

    def _remove(self, key: Any, cause: str) -> None:
        if key in self.held and self.age(key) != "gone":
            self.removed.append((key, self.held[key].value, cause))
        self.held.pop(key, None)

    def _make_room(self, key: Any, value: Any) -> None:
        for gone in [gone for gone in self.held if self.age(gone) == "gone"]:
            del self.held[gone]
        others = [other for other in self.held if other != key]
        for other in others:
            if not self._is_full(key, value):
                return
            self._remove(other, "size")
            self.evictions += 1

    def _is_full(self, key: Any, value: Any) -> bool:
        if self.maxsize is not None and len({*self.held, key}) > self.maxsize:
            return True
        own = self.weigher(key, self.held[key].value) if key in self.held else 0
        return self.max_weight is not None and self.weight() - own + self.weigher(key, value) > self.max_weight

    def setdefault(self, key: Any, value: Any) -> Any:
        if not self.has(key):
            self.set(key, value)
            return value
        self._touch(key)
        return self.held[key].value

    def pop(self, key: Any) -> Any:
        value = self.held[key].value if self.has(key) else MISSING
        self._remove(key, "explicit")
        self.absent.pop(key, None)
        return value

    def clear(self) -> None:
        for key in list(self.held):
            self._remove(key, "explicit")
        self.absent.clear()

    def invalidate_tag(self, tag: str) -> None:
        for key in [key for key, held in self.held.items() if tag in held.tags]:
            self._remove(key, "explicit")

    def expire_tag(self, tag: str) -> None:
        for held in [held for held in self.held.values() if tag in held.tags]:
            # It lengthens no life.
            held.expires_at = self.now if held.expires_at is None else min(held.expires_at, self.now)
            held.due_at = held.expires_at

    def expire(self, key: Any) -> bool:
        self.absent.pop(key, None)
        had = self.has(key)
        held = self.held.get(key)
        if held is not None:
            held.retry_at = self.now
        if held is not None and had:
            held.due_at = held.expires_at = self.now
        return had

    def get_or_load(
        self,
        key: Any,
        outcome: Any,
        ttl: Any = ...,
        tags: tuple[str, ...] = (),
        max_age: Any = None,
        force: Any = False,
    ) -> Any:
        """What a caller gets if a load, should there be one, ends in ``outcome``; an exception is what it raises."""
        age = self.age(key)
        if age == "gone":
            self.held.pop(key, None)
            absent = self.absent.get(key)
            if absent is not None and self.now < absent.until and not force:
                written_at = absent.until - self.negative_ttl
                if max_age is None or self.now - written_at <= max_age:
                    self.negative_hits += 1
                    return absent.error
            return self._load(key, outcome, ttl, tags)
        if force or (max_age is not None and self.now - self.held[key].written_at > max_age):
            return self._load(key, outcome, ttl, tags)
        held = self.held[key]
        pausing = self.now < held.retry_at
        if age == "fallback" and not pausing:
            value = held.value
            loaded = self._load(key, outcome, ttl, tags)
            return value if isinstance(loaded, Exception) and not isinstance(loaded, self.negative) else loaded
        self._touch(key)
        if age in ("fresh", "due"):
            self.hits += 1
        else:
            self.stale_hits += 1
        if age in ("due", "stale") and not pausing:
            self._refresh(key, outcome, ttl, tags)
        return held.value

    def _load(self, key: Any, outcome: Any, ttl: Any, tags: tuple[str, ...]) -> Any:
        self.misses += 1
        self._end(key, outcome, ttl, tags)
        return outcome

    def _refresh(self, key: Any, outcome: Any, ttl: Any, tags: tuple[str, ...]) -> None:
        self.refreshes_started += 1
        if isinstance(outcome, Exception) and not isinstance(outcome, self.negative):
            self.refreshes_failed += 1
        else:
            self.refreshes_ok += 1
        self._end(key, outcome, ttl, tags)

    def _end(self, key: Any, outcome: Any, ttl: Any, tags: tuple[str, ...]) -> None:
        if isinstance(outcome, self.negative):
            self.loads += 1
            self._remove(key, "replaced")
            if self.negative_ttl:
                self.absent[key] = Absent(outcome, self.now + self.negative_ttl)
            return
        if not isinstance(outcome, Exception):
            self.loads += 1
            self.set(key, outcome, ttl, tags)
            return
        self.absent.pop(key, None)
        self.load_errors += 1
        held = self.held.get(key)
        if held is None:
            return
        longest = min(RETRY_BASE * 2**held.failures, min(self.ttl or RETRY_CAP, RETRY_CAP))
        pause = self.retry_in(key)
        assert longest // 2 - 1 <= pause <= longest, f"pause of {pause} after {held.failures} failures"
        held.failures += 1
        held.error = outcome
        held.retry_at = self.now + pause
