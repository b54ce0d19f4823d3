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


def test_clock_takes_unused_values_in_the_order_of_their_slots():
    table = filled("clock", 5)
    assert [leave(table) for _ in range(5)] == [0, 1, 2, 3, 4]


def test_clock_spares_a_used_value_for_one_round_per_mark():
    table = filled("clock", 3)
    table.touch(0)
    table.touch(0)
    table.touch(1)
    assert [leave(table) for _ in range(3)] == [2, 1, 0]


def test_clock_counts_use_up_to_three():
    table = filled("clock", 1)
    for _ in range(10):
        table.touch(0)
    assert table.marks(0) == 3


def test_clock_lowers_marks_as_the_hand_passes():
    table = filled("clock", 4)
    for slot in (0, 1, 2):
        table.touch(slot)
    assert table.victim() == 3
    assert [table.marks(slot) for slot in range(4)] == [0, 0, 0, 0]


def test_clock_goes_on_where_it_stood():
    table = filled("clock", 4)
    assert leave(table) == 0
    assert table.insert("new", 99) == 0
    assert [leave(table) for _ in range(4)] == [1, 2, 3, "new"]


def test_clock_walks_no_further_than_its_limit_even_if_all_were_used():
    table = filled("clock", 1000)
    for slot in range(1000):
        for _ in range(3):
            table.touch(slot)
    assert table.victim() == HAND_STEPS
    assert [table.marks(0), table.marks(HAND_STEPS - 1), table.marks(HAND_STEPS)] == [2, 2, 3]


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
