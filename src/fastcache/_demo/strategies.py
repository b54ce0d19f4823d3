"""The ways to read through a cache that are compared: ordinary code, one lock, fastcache."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import fastcache
from fastcache.testing import MovableClock

from .pool import Answer

Ask = Callable[[int], Answer]
Load = Callable[[int], Answer]
Way = Callable[[Any, Load], Any]  # an Ask, or what tasks await for it


@dataclass(frozen=True)
class Strategy:
    name: str
    way: Way
    ttl: float
    options: dict[str, Any] = field(default_factory=dict)
    protected: bool = True
    patience: float | None = None  # seconds that the way lets each caller wait

    def cache(self, seed: int, clock: MovableClock | None) -> Any:
        if clock is None:
            return fastcache.Cache(ttl=self.ttl, seed=seed, **self.options)
        # The database is no faster for a fast clock, by which its queries take long.
        return fastcache.Cache(ttl=self.ttl, seed=seed, clock=clock, max_load_time=None, **self.options)

    @property
    def life(self) -> float:
        """How long a loaded value serves at the least before it is loaded again, by the cache's clock."""
        return float(self.ttl - self.options.get("jitter", 0) - self.options.get("refresh_ahead", 0))

    @property
    def freshest(self) -> float:
        """The age beyond which a served value is certainly stale, by the cache's clock."""
        return float(self.ttl + self.options.get("jitter", 0))


def single_flight(cache: Any, load: Load) -> Ask:
    def ask(key: int) -> Answer:
        answer: Answer = cache.get_or_load(key, load)
        return answer

    return ask


def within(patience: float) -> Way:
    """As single_flight, but each caller waits that many seconds at the most."""

    def way(cache: Any, load: Load) -> Ask:
        def ask(key: int) -> Answer:
            answer: Answer = cache.get_or_load(key, load, wait_timeout=patience)
            return answer

        return ask

    return way


def check_then_load(cache: Any, load: Load) -> Ask:
    """What everybody writes first: look, and if it is not there, load and store it."""

    def ask(key: int) -> Answer:
        answer: Answer | None = cache.get(key)
        if answer is None:
            answer = load(key)
            cache.set(key, answer)
        return answer

    return ask


def one_lock(cache: Any, load: Load) -> Ask:
    """The repair that looks right: a lock around the loading, the same one for every key."""
    lock = threading.Lock()

    def ask(key: int) -> Answer:
        answer: Answer | None = cache.get(key)
        if answer is None:
            with lock:
                answer = cache.get(key)
                if answer is None:
                    answer = load(key)
                    cache.set(key, answer)
        return answer

    return ask
