"""dogpile.cache by ``get_or_create`` over its memory backend; what has expired is created in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import dogpile.cache

from bench.situations.subject import PLAIN, Load, Options, Subject


def in_a_thread(region: Any, key: Any, create: Callable[[], Any], mutex: Any) -> None:
    """Ends with the mutex released, whatever becomes of the creation."""

    def run() -> None:
        try:
            region.set(key, create())
        finally:
            mutex.release()

    threading.Thread(target=run, daemon=True).start()


class OfDogpile(Subject):
    name = "dogpile.cache"
    configuration = (
        "`get_or_create` on the memory backend, with an `async_creation_runner` of ours that starts a thread"
    )

    def __init__(self, load: Load, options: Options = PLAIN) -> None:
        self._load = load
        region = dogpile.cache.make_region(async_creation_runner=in_a_thread)
        self._region: Any = region.configure("dogpile.cache.memory", expiration_time=options.ttl)

    def call(self, key: Any) -> Any:
        return self._region.get_or_create(key, self._load, creator_args=((key,), {}))

    def delete(self, key: Any) -> None:
        self._region.delete(key)

    def set(self, key: Any, value: Any) -> None:
        self._region.set(key, value)

    def clear(self) -> None:
        self._region.invalidate()


SUBJECTS = [OfDogpile]
