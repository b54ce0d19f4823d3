"""The demo's promises, on a small real run."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("rich")
pytest.importorskip("matplotlib")

from fastcache._demo import cli
from fastcache._demo.captions import sentence
from fastcache._demo.measure import summary
from fastcache._demo.page import draw
from fastcache._demo.pool import Query
from fastcache._demo.record import Play, Run
from fastcache._demo.sizes import Sizes

pytestmark = pytest.mark.once

TINY = Sizes(
    crowd_ms=32,
    hot_requests=300,
    hot_seconds=0.5,
    hot_ttl=0.2,
    hot_threads=100,
    many_keys=20,
    many_scale=200,
    many_requests=200,
    entries=5_000,
    # Where other programs run, a worker may have to wait a while for a processor.
    early_ttl=0.6,
    early_lifetimes=3,
    early_requests=200,
    outage_scale=80,
    outage_requests=900,
    lock_keys=10,
    lock_ms=20,
    lock_pool=10,
    cold_keys=120,
    cold_seconds=0.02,
    cold_share=0.3,
    cold_limit=3,
    cold_patience=0.05,
    cold_pool=20,
    tasks=300,
    threads=60,
)


class Silent:
    """A Screen that shows nothing."""

    def begin(self, label: str, total: int) -> None: ...
    def step(self, done: int, queries: int, waiting: int) -> None: ...


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return cli.play(TINY, [1, 2, 3, 4, 5, 6, 7], 1, Silent(), tmp_path_factory.mktemp("run"))


def plays(run: Run, scene: int) -> dict[str, Play]:
    return {play.strategy: play for play in run.scene(scene)}


def test_every_request_is_served_and_every_query_recorded(run: Run) -> None:
    for play in run.plays:
        assert summary(play).queries == len(play.queries), play.strategy
    assert {len(play.served) for play in run.scene(1)} == {300}


def test_protected_strategies_make_one_query_per_lifetime(run: Run) -> None:
    for play in run.scene(1):
        if play.protected:
            assert summary(play).per_lifetime == 1.0, play.strategy
            asked = [query.asked for query in play.queries]
            gaps = [later - earlier for earlier, later in pairwise(asked)]
            assert all(gap >= play.life for gap in gaps), play.strategy


def test_no_protection_makes_a_herd(run: Run) -> None:
    per_lifetime = summary(plays(run, 1)["no protection"]).per_lifetime
    assert per_lifetime is not None
    assert per_lifetime > 1


def test_jitter_spreads_the_expiries_of_the_store(run: Run) -> None:
    together, spread = run.expiries
    assert sum(together.seconds.values()) == sum(spread.seconds.values()) == 5_000
    assert max(together.seconds.values()) == 5_000
    assert max(spread.seconds.values()) < 1_000


def test_with_early_refresh_nobody_waits(run: Run) -> None:
    found = plays(run, 3)
    assert summary(found["locking"]).misses > 0
    assert summary(found["locking + early refresh"]).misses == 0
    assert summary(found["locking + early refresh"]).queries > 0


def test_stale_if_error_hides_the_outage(run: Run) -> None:
    found = plays(run, 4)
    assert summary(found["without stale-if-error"]).errors > 0
    assert summary(found["with stale-if-error"]).errors == 0
    assert any(query.failed for query in found["with stale-if-error"].queries)


def told(play: Play, query: Query) -> tuple[float, float]:
    return query.asked * play.scale, query.finished * play.scale


def test_in_an_outage_a_key_is_tried_ever_more_rarely(run: Run) -> None:
    """The nth pause is at least half of 2**n seconds, or of the ttl."""
    play = plays(run, 4)["with stale-if-error"]
    longest = 0
    for key in range(play.keys):
        failures = 0
        for earlier, later in pairwise(query for query in play.queries if query.key == key):
            failures = failures + 1 if earlier.failed else 0
            if failures:
                pause = told(play, later)[0] - told(play, earlier)[1]
                assert pause >= min(2 ** (failures - 1), TINY.outage_ttl) / 2 - 1e-6, (key, failures)
            longest = max(longest, failures)
    assert longest >= 3
    assert summary(play).failed < summary(plays(run, 4)["without stale-if-error"]).failed


def test_after_the_outage_every_key_is_loaded_anew(run: Run) -> None:
    for play in run.scene(4):
        assert play.down is not None
        loaded = {query.key for query in play.queries if not query.failed and query.asked > play.down[1]}
        assert loaded == set(range(play.keys)), play.strategy


def test_keys_written_together_are_all_served_until_their_ttl_is_over(run: Run) -> None:
    play = plays(run, 2)["ttl 60"]
    assert min(query.asked for query in play.queries) * play.scale >= 60
    spread = plays(run, 2)["ttl 60 ± 5"]
    assert min(query.asked for query in spread.queries) * spread.scale >= 55


def test_a_bulkhead_lets_no_more_queries_run_at_a_time(run: Run) -> None:
    bare, *limited = run.scene(6)
    assert summary(bare).at_a_time > 3
    for play in limited:
        assert play.limit == 3
        assert 1 <= summary(play).at_a_time <= 3, play.strategy


def test_those_without_a_place_wait_or_are_turned_away_or_have_an_old_value(run: Run) -> None:
    _, waiting, impatient, served = (summary(play) for play in run.scene(6))
    assert (waiting.misses, waiting.queries) == (120, 120)
    assert impatient.rejected > 0
    assert impatient.misses + impatient.rejected + impatient.timeouts == 120
    assert impatient.queries == impatient.misses + impatient.timeouts
    assert served.stale > 0
    assert served.stale + served.misses == 120
    assert served.queries == served.misses


def test_the_captions_tell_the_numbers_of_the_run(run: Run) -> None:
    bulkhead, outage = sentence(run, 6), sentence(run, 4)
    assert "max_concurrent_loads=3" in bulkhead
    assert f"{summary(run.scene(6)[2]).rejected:,} are turned away" in bulkhead
    play = run.scene(4)[1]
    assert play.down is not None
    assert f"From {play.down[0] * play.scale:.1f} s to {play.down[1] * play.scale:.1f} s of it" in outage
    assert f"{summary(play).failed} times in vain" in outage


def test_a_lock_per_key_loads_them_all_at_once(run: Run) -> None:
    found = plays(run, 5)
    serial, parallel = (
        sorted(found[name].queries, key=lambda query: query.started)
        for name in ("one lock for all keys", "a lock per key")
    )
    assert all(first.finished <= second.started for first, second in pairwise(serial))
    assert any(second.started < first.finished for first, second in pairwise(parallel))
    assert summary(found["a lock per key"]).queries == 10


def test_a_crowd_of_tasks_makes_one_query(run: Run) -> None:
    bare, shared = (summary(play) for play in run.scene(7))
    assert (bare.requests, shared.requests) == (300, 300)
    assert bare.queries > 1
    assert (shared.queries, shared.misses) == (1, 300)
    assert "With aget_or_load it is 1, and all have the answer" in sentence(run, 7)


def test_the_page_is_small_and_asks_the_network_for_nothing(run: Run, tmp_path: Path) -> None:
    draw(run, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 200_000
    assert [address for address in re.findall(r"https?://[^\s\"'<]+", page) if "w3.org" not in address] == []
    assert "<script" not in page
    assert "@import" not in page
    assert page.count("<svg") == 2 * len(run.plays) + len(run.expiries)
