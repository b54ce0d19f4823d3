"""The parts of the demo: the measures, the arrivals, the database, the pool."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time

import pytest

from fastcache._demo.arrivals import Arrival, Replay, Served, at_once, each_once, schedule
from fastcache._demo.clock import FastClock
from fastcache._demo.database import REPORT, Database, Outage, build
from fastcache._demo.measure import latencies, lifetimes, most_running, pauses, per_bin, percentile, running
from fastcache._demo.pool import Answer, Pool, PoolClosedError, Query
from fastcache._demo.record import Play
from tests.harness.gates import await_until


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return build(tmp_path_factory.mktemp("demo") / "orders.sqlite", crowd_ms=4, crowd=4)


def query(asked: float, finished: float, key: int = 0, failed: bool = False) -> Query:
    return Query(key, asked, asked, finished, 0, failed)


def test_percentile_is_a_value_that_occurred() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (50, 99, 100)
    assert percentile([7.0], 1) == 7.0
    assert percentile([], 99) == 0.0


def test_bins_count_the_instants_between_begin_and_end() -> None:
    assert per_bin([0.0, 0.05, 0.1, 0.25, 0.3], 0.1, 0.0, 0.3) == [2, 1, 1]
    assert per_bin([-0.1, 1.0, 1.5, 2.1], 0.5, 1.0, 2.0) == [1, 1]


def test_latency_bins_leave_errors_out_of_the_percentiles() -> None:
    served = [Served(0.01, 0.002, "hit"), Served(0.02, 9.0, "error"), Served(0.15, 0.1, "error")]
    first, second = latencies(served, 0.1)
    assert (first.p50, first.p99, first.failed) == (0.002, 0.002, 0.5)
    assert (second.p50, second.failed) == (None, 1.0)


def test_latency_bins_can_lie_where_the_answer_came() -> None:
    assert [round(found.at, 3) for found in latencies([Served(0.0, 0.31, "miss")], 0.1, by_answer=True)] == [0.35]


def test_a_herd_replaces_one_value() -> None:
    herd = [query(1.0, 1.2), query(1.05, 1.3), query(1.1, 1.4)]
    assert lifetimes(herd, life=1.0) == 1
    assert lifetimes([*herd, query(2.5, 2.6)], life=1.0) == 2


def test_a_query_asked_while_the_value_is_young_replaces_nothing() -> None:
    assert lifetimes([query(1.0, 1.1), query(1.15, 1.2)], life=1.0) == 1


def test_each_key_has_its_own_lifetimes_and_failures_store_nothing() -> None:
    assert lifetimes([query(1.0, 1.1, key=0), query(1.0, 1.1, key=1)], life=1.0) == 2
    assert lifetimes([query(1.0, 1.0, failed=True), query(1.1, 1.2)], life=1.0) == 1


def test_queries_at_a_time_are_counted_from_begin_to_end() -> None:
    found = [query(0.0, 0.2), query(0.1, 0.4), query(0.2, 0.3)]
    assert [count for _, count in running(found)] == [1, 2, 1, 2, 1, 0]
    assert most_running(found, 0.1, 0.0, 0.6) == [1, 2, 2, 1, 0, 0]
    assert most_running([query(0.01, 0.02), query(0.01, 0.03), query(0.04, 0.05)], 0.1, 0.0, 0.1) == [2]
    assert most_running([], 0.1, 0.0, 0.2) == [0, 0]


def test_pauses_are_medians_over_the_keys_in_told_seconds() -> None:
    play = Play(4, "", True, 2, 0.5, 0.1, 0.0, 10.0, 8, 4)
    for key, stretch in ((0, 1.0), (1, 3.0)):
        ends = 0.0
        for pause in (0.1 * stretch, 0.2 * stretch, 0.4 * stretch):
            play.queries.append(query(ends, ends + 0.01, key, failed=True))
            ends += 0.01 + pause
        play.queries += [query(ends, ends + 0.01, key), query(ends + 9, ends + 9, key)]
    # A fourth pause that only one of the keys came to.
    play.queries.insert(3, query(0.73, 0.73, 0, failed=True))
    assert [round(pause, 6) for pause in pauses(play)] == [2.0, 4.0, 8.0]


def test_a_fast_clock_stands_still_until_it_begins_and_then_follows_the_wall() -> None:
    clock = FastClock(scale=1000)
    clock.catch_up()
    assert clock.movable.now == 0
    clock.begin(time.perf_counter() + 3600)
    clock.catch_up()
    assert clock.movable.now == 0
    begun = time.perf_counter() - 5
    clock.begin(begun)
    clock.catch_up()
    assert 5000 <= clock.movable.now <= 1000 * (time.perf_counter() - begun)


def test_each_key_arrives_once_in_an_order_of_the_seed() -> None:
    first = each_once(7, 50, 2.0)
    assert first == each_once(7, 50, 2.0) == sorted(first)
    assert first != each_once(8, 50, 2.0)
    assert sorted(arrival.key for arrival in first) == list(range(50))
    assert 1.0 < first[-1].at < 4.0


def test_the_same_seed_gives_the_same_arrivals() -> None:
    first = schedule(7, 500, 2.0, keys=10)
    assert first == schedule(7, 500, 2.0, keys=10)
    assert first != schedule(8, 500, 2.0, keys=10)
    assert first == sorted(first)
    assert 1.6 < first[-1].at < 2.4
    assert {arrival.key for arrival in first} == set(range(10))
    assert schedule(7, 5, 2.0, keys=1, starts=3.0)[0].at > 3.0


def test_latency_counts_from_the_scheduled_instant() -> None:
    """One thread, two requests due at once: the second also waits for the first."""

    def slow(_key: int) -> Answer:
        time.sleep(0.05)
        return Answer(0.0, 0.0)

    replay = Replay(at_once(2), slow, threads=1, freshest=1e9)
    replay.start(lambda: None)
    replay.wait(lambda: None)
    first, second = sorted(request.took for request in replay.served)
    assert first >= 0.05
    assert second >= 0.1


def test_no_request_is_made_before_what_comes_just_before_is_done() -> None:
    begun = threading.Event()
    done: list[bool] = []

    def ask(_key: int) -> Answer:
        done.append(begun.is_set())
        return Answer(0.0, 0.0)

    replay = Replay(at_once(3), ask, threads=3, freshest=1e9)

    def just_before() -> None:
        # Long after the first arrival was due.
        await_until(lambda: time.perf_counter() > replay.begin + 0.05)
        begun.set()

    replay.start(just_before)
    replay.wait(lambda: None)
    assert done == [True] * 3


def test_a_surprise_in_a_user_thread_is_raised() -> None:
    def broken(_key: int) -> Answer:
        raise ZeroDivisionError

    replay = Replay([Arrival(0.0, 0)], broken, threads=1, freshest=1.0)
    replay.start(lambda: None)
    with pytest.raises(ZeroDivisionError):
        replay.wait(lambda: None)


def test_the_database_has_the_orders_that_it_says(database: Database) -> None:
    assert 0.1 < database.query_ms < 10_000
    with contextlib.closing(sqlite3.connect(database.path)) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (database.rows,)


def test_a_part_of_the_orders_lies_inside_the_table(database: Database) -> None:
    for key in range(200):
        first, last = database.part(key, 0.1)
        assert 1 <= first <= last <= database.rows
    assert database.part(5, 1.0) == (1, database.rows)


def held(pool: Pool) -> threading.Event:
    """Gives the pool's database a function hold(), which returns once the event is set."""
    event = threading.Event()
    for connection in pool._all:
        connection.create_function("hold", 0, lambda: int(event.wait(60)))
    return event


def test_sqlite_counts_the_queries_and_the_pool_its_line(database: Database) -> None:
    pool = Pool(database.path, size=1)
    event = held(pool)
    threads = [threading.Thread(target=pool.ask, args=(n, "SELECT 1, hold()", ())) for n in range(3)]
    for thread in threads:
        thread.start()
    await_until(lambda: pool.waiting == 2)
    event.set()
    for thread in threads:
        thread.join()
    pool.close()
    assert pool.counted == len(pool.queries) == 3
    assert sorted(query.waiting for query in pool.queries) == [0, 1, 2]


def test_a_closed_pool_lets_nobody_wait(database: Database) -> None:
    pool = Pool(database.path, size=1)
    event = held(pool)
    holder = threading.Thread(target=pool.ask, args=(0, "SELECT 1, hold()", ()))
    holder.start()
    await_until(lambda: not pool._idle)
    refused: list[type[BaseException]] = []

    def late() -> None:
        try:
            pool.ask(1, "SELECT 1, 1", ())
        except PoolClosedError as error:
            refused.append(type(error))

    waiter = threading.Thread(target=late)
    waiter.start()
    await_until(lambda: pool.waiting == 1)
    closer = threading.Thread(target=pool.close)
    closer.start()
    waiter.join()
    event.set()
    closer.join()
    holder.join()
    assert refused == [PoolClosedError]


def test_in_an_outage_every_query_fails_and_is_still_counted(database: Database) -> None:
    pool = Pool(database.path, size=1)
    now = time.perf_counter()
    outage = Outage(database.path, now, now + 60)
    outage.start()
    while not pool.queries or not pool.queries[-1].failed:
        with contextlib.suppress(sqlite3.OperationalError):
            pool.ask(0, REPORT, database.part(0, 0.001))
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        pool.ask(0, REPORT, database.part(0, 0.001))
    outage.end()
    assert pool.ask(0, REPORT, database.part(0, 0.001)).total > 0
    pool.close()
    assert pool.counted == len(pool.queries)
    assert outage.down is not None
