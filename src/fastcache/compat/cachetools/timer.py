"""A cache's timer: a function that can be made to stand still."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any


class Timer:
    """Calls ``function``, whose attributes it shows as its own; within ``with timer as now:`` it says ``now``.

    It stands still only for the thread that entered it, and only for caches whose timer is not ``time.monotonic``:
    those read the system's clock themselves.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._held = threading.local()

    def __call__(self) -> Any:
        held: list[Any] = getattr(self._held, "instants", [])
        return held[-1] if held else self._function()

    def __enter__(self) -> Any:
        now = self()
        self._held.__dict__.setdefault("instants", []).append(now)
        return now

    def __exit__(self, *exc: object) -> None:
        self._held.instants.pop()

    def __copy__(self) -> Timer:
        return Timer(self._function)

    # Not left to __getattr__, which would find the function's own.
    def __deepcopy__(self, memo: dict[int, Any]) -> Timer:
        return Timer(copy.deepcopy(self._function, memo))

    def __reduce__(self) -> tuple[type[Timer], tuple[Callable[[], Any]]]:
        return Timer, (self._function,)

    def __getattr__(self, name: str) -> Any:
        if name == "_function":
            # Of an instance whose __init__ has not run.
            raise AttributeError(name)
        return getattr(self._function, name)
