"""The table: what is put in is found, by hash first and by equality last."""

import random

import pytest

from tests.harness.keys import FaultyKeyError, Key, fault

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")

# 24 low bits place a key in the index, the 8 above are its tag.
SAME_PLACE = 0x0100_0000


def filled(count, hashed=lambda n: n * 2654435761 % 2**32):
    table = probe.TableProbe()
    slots = [table.insert(n, hashed(n), f"value {n}") for n in range(count)]
    return table, slots


def test_finds_each_of_many_keys_and_nothing_else():
    table, slots = filled(3000)
    assert [table.find(n, n * 2654435761 % 2**32) for n in range(3000)] == slots
    assert [table.find(-n, n) for n in range(1, 100)] == [None] * 99
    assert table.check() is None


@pytest.mark.parametrize("step", [1, SAME_PLACE, 0])
def test_finds_keys_that_share_place_or_hash(step):
    table, slots = filled(200, lambda n: (5 + n * step) % 2**32)
    assert [table.find(n, 5 + n * step) for n in range(200)] == slots
    assert [table.peek(n, 5 + n * step) for n in range(200)] == slots
    assert table.check() is None


def test_a_key_with_another_hash_is_not_found():
    table = probe.TableProbe()
    table.insert("k", 1 + SAME_PLACE)
    assert table.find("k", 1 << 27) is None
    assert table.find("k", 1 + 2 * SAME_PLACE) is None


def test_peek_finds_the_very_object_and_never_asks_python():
    table = probe.TableProbe()
    key = Key("a", on_eq=fault)
    slot = table.insert(key, 7)
    assert table.peek(key, 7) == slot
    assert table.peek(Key("a"), 7) is None
    assert key.comparisons == 0


def test_find_asks_only_keys_of_equal_hash():
    table = probe.TableProbe()
    others = [Key(n) for n in range(20)]
    for n, key in enumerate(others):
        table.insert(key, n * SAME_PLACE)
    wanted = table.insert(Key("wanted"), 7)
    assert table.find(Key("wanted"), 7) == wanted
    assert [key.comparisons for key in others] == [0] * 20


def test_find_asks_each_key_of_equal_hash_once():
    table = probe.TableProbe()
    keys = [Key(n) for n in range(40)]
    slots = [table.insert(key, 7) for key in keys]
    assert table.find(Key(39), 7) == slots[39]
    assert [key.comparisons for key in keys] == [1] * 40


def test_an_error_of_a_comparison_comes_out_and_changes_nothing():
    table = probe.TableProbe()
    slot = table.insert(Key("a", on_eq=fault), 7)
    with pytest.raises(FaultyKeyError):
        table.find(Key("a"), 7)
    assert table.pair(slot)[1] is None
    assert table.check() is None


def test_a_key_that_leaves_while_it_is_compared_is_not_found():
    table = probe.TableProbe()
    slot = table.insert(Key("a", on_eq=lambda: len(table) and table.remove(slot)), 7)
    assert table.find(Key("a"), 7) is None
    assert len(table) == 0


def test_a_key_that_moves_while_it_is_compared_is_found_where_it_is():
    table = probe.TableProbe()
    moves = []

    def move():
        if not moves:
            moves.append(table.insert("another", 7))
            moves.append(table.insert(*table.remove(slot)[:1], 7))

    slot = table.insert(Key("a", on_eq=move), 7)
    found = table.find(Key("a"), 7)
    assert found == moves[1]
    assert table.pair(found)[0].name == "a"
    assert table.check() is None


def test_a_table_that_changes_under_every_comparison_gives_up():
    table = probe.TableProbe()
    key = Key("a")
    key.on_eq = lambda: (table.remove(0), table.insert(twin(), 7))

    def twin():
        made = Key("a")
        made.on_eq = key.on_eq
        return made

    table.insert(twin(), 7)
    with pytest.raises(RuntimeError, match="changed during each of"):
        table.find(key, 7)
    assert table.check() is None


def test_freed_slots_are_used_again():
    table, slots = filled(100)
    for slot in slots[10:60]:
        table.remove(slot)
    again = [table.insert(n, n) for n in range(1000, 1050)]
    assert sorted(again) == slots[10:60]
    assert table.sizes[2] == 100
    assert table.check() is None


def test_removing_everything_leaves_nothing_behind():
    table, slots = filled(64)
    for slot in slots:
        table.remove(slot)
    assert table.check() is None
    assert table.sizes[1] == 0


@pytest.mark.parametrize("step", [1, SAME_PLACE, 0, 1 << 27])
@pytest.mark.parametrize("count", [5, 20, 200])
def test_removing_a_key_hides_none_that_it_had_pushed_on(step, count):
    table, slots = filled(count, lambda n: (5 + n * step) % 2**32)
    order = list(range(count))
    random.Random(count).shuffle(order)
    while order:
        table.remove(slots[order.pop()])
        assert [table.find(n, (5 + n * step) % 2**32) for n in order] == [slots[n] for n in order]
        assert table.check() is None


def test_the_index_stays_small_while_keys_come_and_go():
    table = probe.TableProbe()
    rng = random.Random(1)
    live = {}
    for n in range(20_000):
        if len(live) >= 100:
            hashed = live.pop(rng.choice(list(live)))
            table.remove(table.find(hashed[0], hashed[1]))
        hashed = rng.getrandbits(32)
        table.insert(n, hashed)
        live[n] = n, hashed
    words, used, fresh, room = table.sizes
    assert (words <= 512, used <= 2 * words // 3, fresh <= 101, room <= 256) == (True, True, True, True)
    assert table.check() is None


def test_rebuilding_keeps_every_entry_in_its_slot():
    table, slots = filled(1000)
    for slot in slots[::3]:
        table.remove(slot)
    before = {slot: table.pair(slot) for n, slot in enumerate(slots) if n % 3}
    table.rebuild()
    assert {slot: table.pair(slot) for slot in before} == before
    assert table.sizes[1] == len(table)
    assert table.check() is None


def test_memory_grows_by_doubling_then_by_chunks():
    table = probe.TableProbe()
    rooms = []
    for n in range(2000):
        table.insert(n, n)
        if not rooms or rooms[-1] != table.sizes[3]:
            rooms.append(table.sizes[3])
    assert rooms == [4, 8, 16, 32, 64, 128, 256, 512, 1024, 1536, 2048]
