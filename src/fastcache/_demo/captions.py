"""What each scene shows, in a sentence with the numbers of this run."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from .measure import Summary, summary
from .record import Play, Run

TITLES = {
    1: "One hot key expires under load",
    2: "Many keys written together expire together",
    3: "Early refresh: the value is loaded before it runs out",
    4: "The database goes down for a while",
    5: "The disaster: one lock for all keys",
}


@dataclass(frozen=True)
class Row:
    play: Play
    sum: Summary


def rows(run: Run, scene: int) -> list[Row]:
    return [Row(play, summary(play)) for play in run.scene(scene)]


def sentence(run: Run, scene: int) -> str:
    found = rows(run, scene)
    say = {1: _hot, 2: _many, 3: _early, 4: _outage, 5: _locks}
    return say[scene](found)


def million(run: Run) -> str:
    entries = run.expiries[0].entries
    peaks = [f"{max(expired.seconds.values()):,} with {expired.label}" for expired in run.expiries]
    return (
        f"The same with {entries:,} keys in the real store, on a clock moved by hand: "
        f"the worst second sees {' and '.join(peaks)}."
    )


def about(run: Run) -> str:
    facts = run.facts
    return (
        f"Every play: real threads, arrivals on a schedule fixed beforehand (seed {facts['seed']}, the same "
        f"for every strategy), latency counted from the scheduled moment. The database is an SQLite file of "
        f"{facts['rows']:,} orders; its report takes {facts['query_ms']:.0f} ms alone; queries are counted "
        f"by SQLite. Python {facts['python']}, {facts['cores']} cores."
    )


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


def span(seconds: float) -> str:
    """A duration in words: 0.3 ms, 52 ms, 12.4 s."""
    value = 1000 * seconds
    if value >= 1000:
        return f"{seconds:.1f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _hot(found: list[Row]) -> str:
    bare = next(row for row in found if not row.play.protected)
    shielded = [row.sum for row in found if row.play.protected]
    play, seen = bare.play, bare.sum
    stuck = f" (where all {play.threads:,} threads are stuck)" if seen.queries >= play.threads else ""
    crowd = median(query.finished - query.started for query in play.queries)
    return (
        f"{seen.requests:,} requests for one key, a pool of {play.pool} connections. Without protection "
        f"everyone who finds the key gone asks the database: {seen.queries:,} queries (of {span(crowd)} when "
        f"{play.pool} run at once), {seen.longest_queue:,} in line{stuck}, the slowest answer after "
        f"{span(seen.max)}. Protected, it is {each(max(numbers.per_lifetime or 0 for numbers in shielded))} "
        f"per lifetime, {max(numbers.queries for numbers in shielded)} at the most in the whole run."
    )


def _many(found: list[Row]) -> str:
    together, spread = found[0], found[1]
    scale = together.play.scale
    return (
        f"{together.play.keys:,} keys are written in one instant, and time runs {scale:.0f} times as fast "
        f"(a bar is one second of the ttl). All of them expire together and "
        f"{together.sum.longest_queue} queries stand in line; with jitter they spread over ten seconds and "
        f"the line is {spread.sum.longest_queue} at the longest."
    )


def _early(found: list[Row]) -> str:
    plain, early = found[0], found[1]
    return (
        f"{plain.play.keys} keys in use over several lifetimes. With locking alone {plain.sum.misses} "
        f"requests wait for a load when a value runs out; with early refresh it is loaded in the background "
        f"before that and {early.sum.misses} requests wait."
    )


def _outage(found: list[Row]) -> str:
    plain, shielded = found[0], found[1]
    down = plain.play.down or (0.0, 0.0)
    return (
        f"From {down[0]:.1f} s to {down[1]:.1f} s another connection holds the database locked and every "
        f"query fails. Users see {plain.sum.errors} errors without stale_if_error, and "
        f"{shielded.sum.errors} with it: they get the last good value, and the cache retries with a backoff."
    )


def _locks(found: list[Row]) -> str:
    wide, narrow = found[0], found[1]
    threads = min(wide.play.keys, wide.play.threads)
    waits = 1000 * median(query.finished - query.started for query in wide.play.queries)
    return (
        f"{wide.play.keys:,} expired keys are asked for at once by {threads} threads; each query waits "
        f"{waits:.0f} ms inside SQLite (a disk's latency, not work), and there is a connection for each "
        f"thread. One lock around the loading takes {span(wide.sum.took)}; a lock per key takes "
        f"{span(narrow.sum.took)}."
    )
