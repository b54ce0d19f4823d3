"""Chunks: a table gives back the memory that its entries have left, and no entry moves."""

import random

import pytest

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")

ROOM = 512


def filled(count):
    table = probe.TableProbe()
    for n in range(count):
        assert table.insert(n, n * 2654435761 % 2**32, -n) == n
    return table


def test_a_chunk_that_all_have_left_is_given_back():
    table = filled(4 * ROOM)
    for slot in range(ROOM, 2 * ROOM):
        table.remove(slot)
    assert table.chunks == (3, 1)
    assert table.check() is None
    assert [table.find(n, n * 2654435761 % 2**32) for n in (0, ROOM, 2 * ROOM)] == [0, None, 2 * ROOM]


def test_a_chunk_given_back_is_the_first_to_be_used_again():
    table = filled(4 * ROOM)
    for slot in range(ROOM, 2 * ROOM):
        table.remove(slot)
    slots = [table.insert(-1 - n, n) for n in range(ROOM + 1)]
    assert sorted(slots) == [*range(ROOM, 2 * ROOM), 4 * ROOM]
    assert table.chunks == (5, 0)
    assert table.check() is None


def test_freed_slots_are_used_before_a_chunk_is_taken_again():
    table = filled(3 * ROOM)
    for slot in range(ROOM + 3):
        table.remove(slot)
    assert sorted(table.insert(-1 - n, n) for n in range(3)) == [ROOM, ROOM + 1, ROOM + 2]
    assert table.chunks == (2, 1)


def test_chunks_at_the_end_leave_the_table():
    table = filled(5 * ROOM)
    for slot in range(2 * ROOM, 4 * ROOM):
        table.remove(slot)
    assert table.chunks == (3, 2)
    for slot in range(4 * ROOM, 5 * ROOM):
        table.remove(slot)
    # The two that were vacant go with the one behind them.
    assert table.chunks == (2, 0)
    assert table.sizes[2:] == (2 * ROOM, 2 * ROOM)
    assert table.check() is None


def test_an_emptied_table_has_no_memory_but_a_small_index():
    table = filled(10_000)
    order = list(range(10_000))
    random.Random(1).shuffle(order)
    for slot in order:
        table.remove(slot)
    assert table.chunks == (0, 0)
    assert table.sizes == (table.sizes[0], 0, 0, 0)
    assert table.sizes[0] <= 64
    assert [table.insert(n, n) for n in range(1000)] == list(range(1000))
    assert table.check() is None


def test_a_small_table_keeps_what_it_has():
    table = filled(10)
    for slot in range(10):
        table.remove(slot)
    assert table.sizes[2:] == (0, 16)
    table.insert("k", 7)
    assert table.check() is None


def test_the_index_shrinks_with_the_entries():
    table = filled(10_000)
    assert table.sizes[0] == 16_384
    for slot in range(9_900):
        table.remove(slot)
        # It is looked at whenever a chunk has gone.
        assert table.sizes[0] <= max(8 * (len(table) + ROOM), 64) or table.sizes[0] == 16_384
    assert table.sizes[0] <= 1024
    assert [table.find(n, n * 2654435761 % 2**32) for n in range(9_900, 10_000)] == list(range(9_900, 10_000))
    assert table.check() is None


@pytest.mark.parametrize("policy", ["clock", "lru"])
def test_a_table_that_swells_and_shrinks_stays_sound(policy):
    table = probe.TableProbe(policy)
    rng = random.Random(1)
    held = {}
    number = 0
    for wave in range(12):
        target = rng.choice([0, 1, 300, 600, 2000, 5000])
        while len(held) < target:
            number += 1
            held[table.insert(number, rng.getrandbits(32), number)] = number
        # Of some waves the oldest leave, of others any.
        leaving = list(held) if wave % 2 else rng.sample(list(held), len(held))
        for slot in leaving[: len(held) - target]:
            name = held.pop(slot)
            assert table.remove(slot) == (name, name)
        assert table.check() is None
        assert {slot: table.pair(slot)[0] for slot in held} == held
        used = {slot // ROOM for slot in held}
        assert table.chunks[0] <= max(len(used), 1)
