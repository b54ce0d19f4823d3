"""The columns of each scene's table: what is worth telling differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .measure import Summary


class Column(NamedTuple):
    head: str
    narrow: str  # the head where 80 characters must do
    cell: Callable[[Summary], str]


_REQUESTS = Column("requests", "re-\nquests", lambda of: f"{of.requests:,}")
_QUERIES = Column("queries", "queries", lambda of: f"{of.queries:,}")
_LIFETIME = Column("per key & lifetime", "per\nlife", lambda of: each(of.per_lifetime))
_LATENCIES = (
    Column("p50", "p50", lambda of: short(of.p50)),
    Column("p99", "p99", lambda of: short(of.p99)),
    Column("max", "max", lambda of: short(of.max)),
)
_QUEUE = Column("longest queue", "queue", lambda of: f"{of.longest_queue:,}")
_MISSES = Column("misses seen", "misses", lambda of: f"{of.misses:,}")
_ERRORS = Column("errors", "errors", lambda of: f"{of.errors:,}")
_FAILED = Column("of them failed", "failed", lambda of: f"{of.failed:,}")
_STALE = Column("old values", "old\nvalues", lambda of: f"{of.stale:,}")
_AT_A_TIME = Column("at a time", "at a\ntime", lambda of: f"{of.at_a_time:,}")
_REJECTED = Column("turned away", "turned\naway", lambda of: f"{of.rejected:,}")
_TIMEOUTS = Column("gave up", "gave\nup", lambda of: f"{of.timeouts:,}")

_USUAL = (_REQUESTS, _QUERIES, _LIFETIME, *_LATENCIES, _QUEUE, _MISSES, _ERRORS)
_OF_SCENE = {
    4: (_REQUESTS, _QUERIES, _FAILED, *_LATENCIES, _STALE, _MISSES, _ERRORS),
    6: (_REQUESTS, _QUERIES, _AT_A_TIME, *_LATENCIES, _STALE, _REJECTED, _TIMEOUTS),
    7: (_REQUESTS, _QUERIES, _AT_A_TIME, *_LATENCIES, _MISSES),
}


def columns(scene: int) -> tuple[Column, ...]:
    return _OF_SCENE.get(scene, _USUAL)


def short(seconds: float) -> str:
    """A duration in at most six characters: 0.09ms, 23.6ms, 131ms, 24.5s."""
    value = 1000 * seconds
    if value >= 1000:
        return f"{seconds:.2f}s" if seconds < 10 else f"{seconds:.1f}s"
    return f"{value:.2f}ms" if value < 10 else f"{value:.1f}ms" if value < 100 else f"{value:.0f}ms"


def each(per_lifetime: float | None) -> str:
    """Queries per key and lifetime: 1, 1.25, 995; a dash where there is none."""
    if per_lifetime is None:
        return "-"
    return f"{per_lifetime:,.0f}" if per_lifetime >= 100 else f"{per_lifetime:.3g}"
