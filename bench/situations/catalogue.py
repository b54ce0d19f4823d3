"""All situations, in the order of the table."""

from __future__ import annotations

from bench.situations import changing, loading, waiting

SITUATIONS = {
    situation.name: situation
    for situation in (
        loading.cold,
        loading.window,
        loading.failing,
        loading.interrupted,
        waiting.limited,
        waiting.own_limited,
        waiting.hanging,
        waiting.own_key,
        waiting.each_others,
        changing.deleted,
        changing.written,
        changing.cleared,
        changing.expired_failing,
        changing.expired_slow,
    )
}
