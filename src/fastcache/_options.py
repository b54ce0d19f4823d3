"""The options of ``Cache`` beside its size and ttl, as type checkers know them where they are passed on."""

from __future__ import annotations

from types import EllipsisType
from typing import TYPE_CHECKING, TypedDict

from fastcache._types import (
    Clock,
    Copy,
    ErrorTypes,
    EvictionPolicy,
    Jitter,
    RefreshAhead,
    RemovalListener,
    Seconds,
    Weigher,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor


class CacheOptions(TypedDict, total=False):
    max_weight: int | None
    weigher: Weigher | None
    on_removal: RemovalListener | None
    jitter: Jitter
    refresh_ahead: RefreshAhead
    stale_while_revalidate: Seconds
    stale_if_error: Seconds
    policy: EvictionPolicy
    copy: Copy
    coalesce: bool
    max_load_time: Seconds | None
    max_concurrent_loads: int | None
    negative_ttl: Seconds
    negative: ErrorTypes
    error_ttl: Seconds
    uncacheable_ttl: Seconds
    negative_maxsize: int | None
    none_ttl: Seconds | EllipsisType | None
    stale_on: ErrorTypes
    fatal: ErrorTypes
    with_context: bool
    executor: Executor | None
    refresh_workers: int | None
    refresh_queue: int
    refresh_batch_delay: Seconds
    seed: int | None
    clock: Clock
    name: str | None
