"""The default order: decision by decision what a slow obvious model decides, and sound whatever is done to it."""

import random

import pytest

from tests.harness.adaptive import AdaptiveOrder
from tests.harness.effort import EFFORT

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")


class Twin:
    """A full table beside the model of its order; keys are their own hashes' names."""

    def __init__(self, room, spread=0x9E3779B1):
        self.table, self.model = probe.TableProbe("adaptive"), AdaptiveOrder()
        self.room, self.spread = room, spread
        self.slots = {}

    def hash(self, key):
        return key * self.spread + 12345 & 0xFFFFFFFF

    def remove(self, slot):
        key, _ = self.table.remove(slot)
        self.model.drop(slot)
        del self.slots[key]

    def read(self, key):
        if key not in self.slots:
            return False
        self.table.touch(self.slots[key])
        self.model.touch(self.slots[key])
        return True

    def write(self, key):
        if len(self.slots) >= self.room:
            slot = self.table.victim()
            assert slot == self.model.victim(self.table.sizes[2])
            self.remove(slot)
        slot = self.slots[key] = self.table.insert(key, self.hash(key))
        self.model.add(slot, self.hash(key), self.table.sizes[2])

    def load(self, key):
        """A read, and a write if it found nothing; whether it did."""
        if self.read(key):
            return True
        self.write(key)
        return False

    def check(self):
        assert self.table.check() is None
        assert len(self.slots) <= self.room


def zipf(rng, keys):
    return int(keys ** rng.random()) - 1


def requests(rng, keys):
    """Popular keys, a loop, a scan, and recent keys again, in turns."""
    new, recent = 10**6, [0]
    while True:
        turn, length = rng.choice("plsr"), rng.randrange(1, 3 * keys)
        for n in range(length):
            if turn == "p":
                key = zipf(rng, 4 * keys)
            elif turn == "l":
                key = 10**5 + n % (keys + keys // 4)
            elif turn == "s":
                new += 1
                key = new
            else:
                key = rng.choice(recent[-keys // 2 - 1 :])
            recent.append(key)
            yield key


@pytest.mark.parametrize("room", [1, 2, 3, 4, 5, 7, 10, 63, 64, 65, 130, 400])
@pytest.mark.parametrize("seed", range(2 * EFFORT))
def test_each_victim_is_the_models(room, seed):
    twin, rng = Twin(room), random.Random(f"{room} {seed}")
    for n, key in zip(range(5000 + 20 * room), requests(rng, room), strict=False):
        twin.load(key)
        if n % 97 == 0:
            twin.check()
    twin.check()


@pytest.mark.parametrize("seed", range(2 * EFFORT))
def test_values_that_leave_otherwise_do_not_confuse_it(seed):
    twin, rng = Twin(100), random.Random(seed)
    for n, key in zip(range(10_000), requests(rng, 100), strict=False):
        twin.load(key)
        if rng.random() < 0.1:
            for slot in rng.sample(sorted(twin.slots.values()), rng.choice([1, 1, 1, len(twin.slots) // 2])):
                twin.remove(slot)
        if n % 97 == 0:
            twin.check()


def test_a_slot_that_is_emptied_and_filled_again_and_again_takes_no_memory_and_keeps_the_order():
    twin = Twin(5000)
    for key in range(5000):
        twin.write(key)
    for n in range(50_000):
        twin.remove(twin.slots[4999])
        twin.write(4999)
        if n % 5000 == 0:
            twin.check()
    for key in range(10_000, 10_300):
        twin.write(key)
    twin.check()


def test_ghosts_of_one_print_are_taken_for_each_other_and_nothing_worse():
    twin, rng = Twin(64, spread=1 << 16), random.Random(1)
    for key in zip(range(10_000), requests(rng, 64), strict=False):
        twin.load(key[1])
    twin.check()


def test_a_use_costs_at_most_three_marks():
    table = probe.TableProbe("adaptive")
    slot = table.insert("k", 1)
    assert [(table.touch(slot), table.marks(slot))[1] for _ in range(5)] == [1, 2, 3, 3, 3]


def test_where_no_order_heeds_uses_a_use_writes_nothing():
    table = probe.TableProbe("fifo")
    slot = table.insert("k", 1)
    before = table.marks(slot)
    table.touch(slot)
    assert table.marks(slot) == before
