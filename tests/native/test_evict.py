"""Who leaves a full stripe: CLOCK spares what was used, LRU knows the exact order."""

import pytest

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")

HAND_STEPS = 128


def filled(policy, count):
    table = probe.TableProbe(policy)
    assert [table.insert(n, n) for n in range(count)] == list(range(count))
    return table


def leave(table):
    """Removes the victim; its key."""
    return table.remove(table.victim())[0]


def test_lru_takes_the_longest_unused():
    table = filled("lru", 4)
    table.touch(0)
    table.touch(2)
    table.touch(2)
    assert [leave(table) for _ in range(4)] == [1, 3, 0, 2]


def test_lru_asks_without_changing_the_order():
    table = filled("lru", 3)
    assert [table.victim() for _ in range(3)] == [0, 0, 0]
    assert table.check() is None


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_lru_closes_ranks_around_what_is_removed(gone):
    table = filled("lru", 3)
    table.remove(gone)
    assert table.check() is None
    assert [leave(table) for _ in range(2)] == [slot for slot in range(3) if slot != gone]


def test_lru_links_survive_growth():
    table = filled("lru", 5000)
    for slot in range(0, 5000, 2):
        table.touch(slot)
    assert table.check() is None
    assert [leave(table) for _ in range(5000)] == [*range(1, 5000, 2), *range(0, 5000, 2)]
