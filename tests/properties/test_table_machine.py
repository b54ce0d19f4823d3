"""The native table and its LRU order against a dict, with hashes that share places, tags or everything."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.harness.effort import EFFORT
from tests.harness.keys import Key

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")

# A few places, a few tags: most keys collide in one of them or both.
HASHES = st.sampled_from([tag << 24 | place for tag in range(3) for place in (0, 1, 6, 7, 8, 63)])
NAMES = st.integers(0, 30)


def made(name, hashed, plain):
    """A key; one that is plain is compared without Python, of the others all are asked."""
    return f"{name} {hashed}" if plain else Key((name, hashed))


class TableMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.table = probe.TableProbe("lru")
        # key -> (slot, value), the longest unused first.
        self.model = {}
        self.number = 0

    @rule(name=NAMES, hashed=HASHES, plain=st.booleans())
    def insert(self, name, hashed, plain):
        key = made(name, hashed, plain)
        if key in self.model:
            return
        self.number += 1
        slot = self.table.insert(key, hashed, self.number)
        assert slot not in [taken for taken, _ in self.model.values()]
        self.model[key] = slot, self.number

    @rule(name=NAMES, hashed=HASHES, plain=st.booleans())
    def find(self, name, hashed, plain):
        key = made(name, hashed, plain)
        expected = self.model.get(key, (None,))[0]
        assert self.table.find(key, hashed) == expected
        if plain:
            assert self.table.peek(key, hashed) in (expected, None)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def touch(self, data):
        key = data.draw(st.sampled_from(list(self.model)))
        self.model[key] = self.model.pop(key)
        self.table.touch(self.model[key][0])

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data):
        key = data.draw(st.sampled_from(list(self.model)))
        slot, value = self.model.pop(key)
        assert self.table.remove(slot) == (key, value)

    @precondition(lambda self: self.model)
    @rule()
    def evict(self):
        key = next(iter(self.model))
        slot, value = self.model.pop(key)
        assert self.table.victim() == slot
        assert self.table.remove(slot) == (key, value)

    @rule()
    def rebuild(self):
        self.table.rebuild()

    @invariant()
    def is_sound(self):
        assert self.table.check() is None
        assert len(self.table) == len(self.model)
        assert {slot: self.table.pair(slot)[1] for slot, _ in self.model.values()} == dict(self.model.values())


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=150 * EFFORT, stateful_step_count=60, deadline=None)
