"""The ways to read through a cache that are compared: ordinary code, one lock, fastcache."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import fastcache

from .pool import Answer

Ask = Callable[[int], Answer]
Load = Callable[[int], Answer]
Way = Callable[[Any, Load], Ask]


@dataclass(frozen=True)
class Strategy:
    name: str
    way: Way
    ttl: float
    options: dict[str, Any] = field(default_factory=dict)
    protected: bool = True

    def cache(self, seed: int) -> Any:
        return fastcache.Cache(ttl=self.ttl, seed=seed, **self.options)

    @property
    def life(self) -> float:
        """How long a loaded value serves at the least before it is loaded again."""
        return float(self.ttl - self.options.get("jitter", 0) - self.options.get("refresh_ahead", 0))

    @property
    def freshest(self) -> float:
        """The age beyond which a served value is certainly stale."""
        return float(self.ttl + self.options.get("jitter", 0))


def single_flight(cache: Any, load: Load) -> Ask:
    def ask(key: int) -> Answer:
        answer: Answer = cache.get_or_load(key, load)
        return answer

    return ask


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
