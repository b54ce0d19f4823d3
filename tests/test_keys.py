"""Keys of every kind: equality as in a dict, and strangers' code that fails, cheats or changes the cache under us."""

import pytest

from tests.harness.gates import in_time
from tests.harness.keys import FaultyKeyError, Key, Liar, Reentry, fault
from tests.harness.operations import ALL, DEEDS, READS, WRITES, attempt


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        (1, 1.0),
        (True, 1),
        (0.0, -0.0),
        ("a", Text("a")),
        (Text("a"), "a"),
        ((1, "a"), (1.0, Text("a"))),
        (((1, 2), 3), (tuple(range(1, 3)), 3)),
        (frozenset({1}), frozenset({1.0})),
        (2**100, 2**100),
        (b"bytes", bytes(bytearray(b"bytes"))),
        ((), ()),
        (None, None),
    ],
)
def test_equal_keys_are_one_key(cache, stored, asked):
    cache[stored] = "value"
    assert (cache[asked], cache.get(asked), cache.get_or_load(asked, str)) == ("value", "value", "value")
    assert asked in cache
    assert cache.pop(asked) == "value"
    assert len(cache) == 0


@pytest.mark.parametrize(
    ("stored", "asked"),
    [(1, "1"), ("a", b"a"), (-1, -2), ((1, 2), (2, 1)), (("a",), "a"), ("a", "á"), (0, None), (1, (1,)), (1.5, 1)],
)
def test_unequal_keys_are_two(cache, stored, asked):
    cache[stored] = "stored"
    assert asked not in cache
    cache[asked] = "asked"
    assert (cache[stored], cache[asked], len(cache)) == ("stored", "asked", 2)


def test_nan_is_found_by_identity(cache):
    nan = float("nan")
    cache[nan] = 1
    cache[(nan, 1)] = 2
    assert (cache[nan], cache[(nan, 1)]) == (1, 2)
    assert float("nan") not in cache
    assert (float("nan"), 1) not in cache


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("key", [[], {}, set(), ([],), bytearray(b"k")])
def test_an_unhashable_key_is_a_type_error(cache, operation, key):
    with pytest.raises(TypeError, match="unhashable"):
        ALL[operation](cache, key)
    assert cache.stats().misses == 0


def test_colliding_keys_are_kept_apart(cache):
    cache.update((Key(n), n) for n in range(100))
    assert sorted(cache.values()) == list(range(100))
    assert [cache[Key(n)] for n in range(100)] == list(range(100))
    assert [cache.pop(Key(n)) for n in range(0, 100, 2)] == list(range(0, 100, 2))
    assert [cache.get(Key(n)) for n in range(4)] == [None, 1, None, 3]


def test_the_hash_is_computed_once_per_operation(cache):
    for operation in ALL:
        key = Key("k")
        attempt(operation, cache, key)
        assert (operation, key.hashes) == (operation, 1)


def test_neither_growth_nor_eviction_hashes_a_key_again(make):
    cache = make(1000)
    keys = [Key(n, hashed=n) for n in range(3000)]
    for key in keys:
        cache[key] = 1
    assert [key.hashes for key in keys] == [1] * 3000


def test_the_very_object_and_other_hashes_are_not_compared(cache):
    key = Key("k", on_eq=fault)
    cache[key] = 1
    for n in range(100):
        cache[Key(n, hashed=n + 100)] = n
    assert (cache[key], cache.get(key), key in cache) == (1, 1, True)
    assert key.comparisons == 0


@pytest.mark.parametrize("operation", ALL)
def test_an_error_of_a_comparison_comes_out_and_changes_nothing(cache, operation):
    stored = Key("k")
    cache[stored] = "old"
    before = cache.stats()
    stored.on_eq = fault
    with pytest.raises(FaultyKeyError):
        ALL[operation](cache, Key("k"))
    stored.on_eq = None
    assert (list(cache.items()), cache.stats(), cache.flights()) == ([(stored, "old")], before, [])


@pytest.mark.parametrize("operation", ALL)
def test_an_error_of_a_hash_comes_out_and_changes_nothing(cache, operation):
    cache[Key("k")] = "old"
    before = cache.stats()
    with pytest.raises(FaultyKeyError):
        ALL[operation](cache, Key("k", on_hash=fault))
    assert (list(cache.values()), cache.stats()) == (["old"], before)


def test_an_answer_that_is_no_bool_counts_by_its_truth(cache):
    cache[Liar("yes")] = 1
    assert (cache.get(Liar([])), cache.get(Liar("true"))) == (1, 1)
    cache.clear()
    cache[Liar([])] = 1
    assert cache.get(Liar("")) is None


def test_an_answer_without_truth_comes_out_as_its_error(cache):
    class Vague:
        def __bool__(self):
            raise FaultyKeyError

    cache[Liar(Vague())] = 1
    with pytest.raises(FaultyKeyError):
        cache.get(Liar(Vague()))


def test_a_key_unequal_to_all_is_found_as_the_very_object(cache):
    keys = [Liar(False) for _ in range(20)]
    for n, key in enumerate(keys):
        cache[key] = n
    assert [cache[key] for key in keys] == list(range(20))
    assert cache.get(Liar(False)) is None


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("deed", DEEDS)
@in_time
def test_a_comparison_may_use_the_cache(make, operation, deed):
    cache = make(100, ttl=60, stale_if_error=60)
    act = Reentry(lambda: DEEDS[deed](cache))
    cache[Key("other")] = "other"
    cache[Key("k", on_eq=act)] = "old"
    attempt(operation, cache, Key("k"))
    assert act.times >= 1
    cache._check()
    assert cache.flights() == []


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("deed", DEEDS)
@in_time
def test_a_hash_may_use_the_cache(make, operation, deed):
    cache = make(100, ttl=60)
    cache[Key("k")] = "old"
    act = Reentry(lambda: DEEDS[deed](cache))
    attempt(operation, cache, Key("k", on_hash=act))
    assert act.times == 1
    cache._check()


@pytest.mark.parametrize("operation", ALL)
@in_time
def test_a_key_that_leaves_while_it_is_compared_is_missing(cache, operation):
    cache[Key("k", on_eq=Reentry(cache.clear))] = "old"
    result = attempt(operation, cache, Key("k"))
    missing = {"contains": False, "delete": False, "expire": False, "setdefault": "new", "get_or_load": "new"}
    assert result == missing.get(operation)
    assert list(cache.values()) == (["new"] if operation in WRITES else [])


@pytest.mark.parametrize("operation", ALL)
@in_time
def test_a_key_replaced_while_it_is_compared_is_found_as_it_is_now(cache, operation):
    def replace():
        cache.clear()
        cache[Key("k")] = "replaced"

    cache[Key("k", on_eq=Reentry(replace))] = "old"
    result = attempt(operation, cache, Key("k"))
    reads = dict.fromkeys(["get", "getitem", "pop", "setdefault", "get_or_load"], "replaced")
    says = dict.fromkeys(["contains", "delete", "expire"], True)
    assert getattr(result, "value", result) == {**reads, **says, "get_entry": "replaced"}.get(operation)
    kept = operation in (*READS, "setdefault", "get_or_load")
    assert list(cache.values()) == (["replaced"] if kept else ["new"] if operation in WRITES else [])


@in_time
def test_a_table_that_grows_while_a_key_is_compared_loses_nothing(cache):
    grow = Reentry(lambda: cache.update((f"{len(cache)} {n}", n) for n in range(1000)))
    cache[Key("k", on_eq=grow)] = "value"
    assert cache[Key("k")] == "value"
    assert len(cache) == 1001


@in_time
def test_a_search_that_finds_the_key_replaced_time_and_again_is_given_up(cache):
    def replace():
        cache.clear()
        cache[Key("k", on_eq=replace)] = 1

    replace()
    with pytest.raises(RuntimeError, match="the cache changed during each of"):
        cache[Key("k")]
