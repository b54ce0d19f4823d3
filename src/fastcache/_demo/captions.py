"""What each scene shows, in a sentence with the numbers of this run."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median

from .columns import each
from .measure import Summary, pauses, summary
from .record import Play, Run

TITLES = {
    1: "One hot key expires under load",
    2: "Many keys written together expire together",
    3: "Early refresh: the value is loaded before it runs out",
    4: "The database goes down for a while",
    5: "The disaster: one lock for all keys",
    6: "A cold start: every key is missing at once",
    7: "With asyncio: a crowd of tasks wants one key that nobody has",
}


@dataclass(frozen=True)
class Row:
    play: Play
    sum: Summary


def rows(run: Run, scene: int) -> list[Row]:
    return [Row(play, summary(play)) for play in run.scene(scene)]


def sentence(run: Run, scene: int) -> str:
    found = rows(run, scene)
    say = {1: _hot, 2: _many, 3: _early, 4: _outage, 5: _locks, 6: _cold, 7: _tasks}
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
        f"Every play: real threads or tasks, arrivals on a schedule fixed beforehand (seed {facts['seed']}, the same "
        f"for every strategy), latency counted from the scheduled moment. The database is an SQLite file of "
        f"{facts['rows']:,} orders; its report takes {facts['query_ms']:.0f} ms alone; queries are counted "
        f"by SQLite. Python {facts['python']}, {facts['cores']} cores."
    )


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
        f"{together.play.keys:,} keys are written in one instant, and the cache's clock runs {scale:.0f} times "
        f"as fast as the wall's (a bar is one second of the ttl). All of them expire together and "
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
    scale = shielded.play.scale
    begins, ends = (instant * scale for instant in shielded.play.down or (0.0, 0.0))
    waits = pauses(shielded.play)
    growth = f", at first after pauses of {', '.join(f'{wait:.1f}' for wait in waits)} s (medians)" if waits else ""
    return (
        f"The cache's clock runs {scale:.0f} times as fast as the wall's. From {begins:.1f} s to {ends:.1f} s of it "
        f"another connection holds the database locked and every query fails at once. Without stale_if_error "
        f"requests for expired keys ask the failing database {plain.sum.failed:,} times, and users see "
        f"{plain.sum.errors:,} errors. With it they see {shielded.sum.errors:,}: they get the old value, and the "
        f"{shielded.play.keys} keys are tried {shielded.sum.failed:,} times in vain{growth}.{_recovery(shielded.play)}"
    )


def _recovery(play: Play) -> str:
    """When the last of the keys had a new value again; empty if one had none."""
    ends = play.down[1] if play.down else 0.0
    first = {query.key: query.finished for query in reversed(play.queries) if query.asked > ends and not query.failed}
    if len(first) < play.keys:
        return ""
    return f" {(max(first.values()) - ends) * play.scale:.1f} s after the outage each key has been loaded anew."


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


def _cold(found: list[Row]) -> str:
    bare, limited, patient, served = found
    took = [
        span(fmean(query.finished - query.started for query in row.play.queries)) if row.play.queries else "-"
        for row in (bare, limited)
    ]
    late = patient.sum.timeouts
    gave_up = f" and {late:,} give up on a load that goes on (LoadTimeout)" if late else ""
    arrived = max(request.at for request in bare.play.served)
    return (
        f"{bare.play.keys:,} keys are asked for within {span(arrived)}, each once, so that one load per key saves "
        f"nothing: up to {bare.sum.at_a_time} queries run at a time (there are {bare.play.pool} connections), of "
        f"{took[0]} on average, and the last answer comes after {span(bare.sum.took)}. With "
        f"max_concurrent_loads={limited.play.limit} they are never more than {limited.sum.at_a_time}, of {took[1]} "
        f"on average; the other callers wait their turn, the last until {span(limited.sum.took)}. Who gives a "
        f"wait_timeout of {span(patient.play.patience or 0)} has an answer after {span(patient.sum.max)} at the latest "
        f"or none: {patient.sum.rejected:,} are turned away (LoadRejected){gave_up}. Where the keys have expired "
        f"values that stale_if_error lets serve, the {served.sum.stale:,} callers who find no place get theirs at "
        f"once: half of all within {span(served.sum.p50)}."
    )


def _tasks(found: list[Row]) -> str:
    bare, shared = found[0], found[1]
    return (
        f"{bare.sum.requests:,} tasks of one event loop want the same missing key in the same instant; the loop has "
        f"{bare.play.threads} threads for queries, one for each connection. Each task that finds nothing asks for "
        f"itself: {bare.sum.queries:,} queries, the last answer after {span(bare.sum.took)}. With aget_or_load it is "
        f"{shared.sum.queries:,}, and all have the answer after {span(shared.sum.took)}."
    )
