"""Calls of all kinds for the same few keys, where loads at a time are bounded, and what has a place may begin late."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from typing import Any

from fastcache import BulkLoadError, Cache, LoadRejected, LoadTimeout
from tests.campaigns._campaign import Campaign
from tests.harness.gates import Call, await_idle, await_until

KEYS = "abcd"
CALLS = 12
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"stale_if_error": 1},
    {"stale_while_revalidate": 1},
    {"refresh_ahead": 0.002, "stale_if_error": 1},
    {"error_ttl": 0.002, "copy": lambda value: value},
)


class LoadFailedError(Exception):
    pass


class Interrupt(BaseException):
    pass


class Late(Cache[Any, Any]):
    """What it loads in other threads has its place for a moment before it begins."""

    draw = random.Random()

    def _start(self, errand: Any, /) -> bool:
        def begin() -> None:
            time.sleep(self.draw.choice((0, 0, 0.001)))
            errand.run_to_end()

        threading.Thread(target=begin, daemon=True).start()
        return True


class Round:
    """One cache, and threads and tasks that ask it for the same keys."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.limit = draw.randrange(1, 3)
        self.cache = draw.choice((Cache, Late))(
            ttl=0.003, max_concurrent_loads=self.limit, refresh_workers=1, seed=seed, **draw.choice(OPTIONS)
        )
        self.loading: list[None] = []
        self.most = 0
        acts = (self.ask, self.ask, self.ask_for_many, self.ask_for_many, self.ask_in_tasks)
        self.calls = [Call(self.go, act, random.Random(seed + 1 + number)) for number, act in enumerate(acts)]

    def go(self, act: Any, draw: random.Random) -> None:
        for _ in range(CALLS):
            with contextlib.suppress(LoadRejected, LoadTimeout, BulkLoadError, LoadFailedError, Interrupt):
                act(draw)

    def load(self, draw: random.Random) -> None:
        self.loading.append(None)
        self.most = max(self.most, len(self.loading))
        try:
            time.sleep(draw.choice((0, 0, 0.001)))
            if draw.random() < 0.2:
                raise draw.choice((LoadFailedError, LoadFailedError, Interrupt))
        finally:
            self.loading.pop()

    def load_one(self, draw: random.Random) -> Any:
        def load(key: str) -> str:
            self.load(draw)
            return key

        return load

    def load_many(self, draw: random.Random) -> Any:
        def load(keys: list[str]) -> dict[str, str]:
            self.load(draw)
            return dict.fromkeys(keys, "many")

        return load

    def patience(self, draw: random.Random) -> dict[str, Any]:
        patience: tuple[dict[str, Any], ...] = (
            {},
            {"wait_timeout": 60},
            {"wait_timeout": draw.choice((0, 0.001))},
            {"soft_timeout": 0.001},
            {"force": True},
        )
        return draw.choice(patience)

    def ask(self, draw: random.Random) -> None:
        key = draw.choice(KEYS)
        match draw.randrange(8):
            case 0:
                self.cache.delete(key)
            case 1:
                self.cache.expire(key)
            case _:
                self.cache.get_or_load(key, self.load_one(draw), **self.patience(draw))

    def ask_for_many(self, draw: random.Random) -> None:
        keys = draw.sample(KEYS, 3)
        self.cache.get_many_or_load(keys, self.load_many(draw), max_batch=draw.choice((None, 1)), **self.patience(draw))

    def ask_in_tasks(self, draw: random.Random) -> None:
        async def some() -> None:
            asks = [
                self.cache.aget_or_load(draw.choice(KEYS), self.load_one(draw), **self.patience(draw)),
                self.cache.aget_many_or_load(draw.sample(KEYS, 2), self.load_many(draw), **self.patience(draw)),
                self.cache.aget_or_load(draw.choice(KEYS), self.load_one(draw)),
            ]
            tasks = [asyncio.ensure_future(one) for one in asks]
            await asyncio.sleep(draw.choice((0, 0.001)))
            if draw.random() < 0.3:
                tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run(some())

    def check(self) -> None:
        for call in self.calls:
            call.result()
        await_idle(self.cache)
        bulkhead = self.cache._bulkhead
        assert bulkhead is not None
        # What others have loaded meanwhile holds its place until its thread sees that.
        await_until(lambda: (bulkhead.free, bulkhead.waiting) == (self.limit, 0), f"all {self.limit} places")
        assert self.most <= self.limit, f"{self.most} loads at a time, with {self.limit} places"
        self.cache.close()
        self.cache._check()


def run(rounds: int, seed: int) -> str:
    most = 0
    Late.draw.seed(seed)
    for number in range(rounds):
        played = Round(seed + 1_000 * number)
        played.check()
        most = max(most, played.most)
    assert most == 2, "no crowd"
    return f"{rounds:,} caches, at most {most} loads at a time"


CAMPAIGN = Campaign(
    "a place that is lost, or given twice, among calls of all kinds for the same keys", "caches", 60, 20_000, run
)
