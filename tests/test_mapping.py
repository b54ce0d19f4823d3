"""The cache as a mapping: what a dict does, it does, for what has not expired."""

from collections.abc import Mapping, MutableMapping

import pytest

from fastcache import Cache
from tests.harness.keys import Key, fault

PAIRS = {"a": 1, "b": None, "c": 0}


@pytest.fixture
def full(cache):
    cache.update(PAIRS)
    return cache


def test_is_a_mutable_mapping(cache):
    assert isinstance(cache, MutableMapping)
    assert isinstance(cache, Mapping)


def test_gives_back_the_very_object(cache):
    value = object()
    cache["k"] = value
    assert cache["k"] is value
    assert cache.get("k") is value


@pytest.mark.parametrize("value", [None, 0, "", False, float("nan"), NotImplemented, ..., Exception("kept")])
def test_any_value_is_a_value(cache, value):
    cache["k"] = value
    assert "k" in cache
    assert cache.get("k", "default") is value
    assert cache.get_or_load("k", lambda _: pytest.fail("it is there")) is value


def test_a_missing_key_is_a_key_error_with_that_key(cache):
    key = ("some", "key")
    for read in (cache.__getitem__, cache.__delitem__, cache.pop):
        with pytest.raises(KeyError) as caught:
            read(key)
        assert caught.value.args == (key,)


def test_get_of_a_missing_key_is_the_default(cache):
    default = object()
    assert (cache.get("k"), cache.get("k", default)) == (None, default)
    assert "k" not in cache


def test_writing_replaces_the_value_and_keeps_the_first_key(cache):
    cache[1] = "int"
    cache[1.0] = "float"
    cache[True] = "bool"
    assert [(type(key), value) for key, value in cache.items()] == [(int, "bool")]


def test_deleting_says_whether_it_was_there(full):
    assert (full.delete("a"), full.delete("a")) == (True, False)
    del full["b"]
    assert list(full) == ["c"]


def test_pop_returns_and_removes(full):
    assert (full.pop("b", "default"), full.pop("b", "default")) == (None, "default")
    assert sorted(full) == ["a", "c"]


def test_popitem_empties_the_cache_pair_by_pair(full):
    assert dict(full.popitem() for _ in range(3)) == PAIRS
    with pytest.raises(KeyError, match="empty"):
        full.popitem()


def test_setdefault_writes_only_what_is_missing(full):
    assert (full.setdefault("a", 9), full.setdefault("b", 9), full.setdefault("d", 9)) == (1, None, 9)
    assert full.setdefault("e") is None
    assert dict(full.items()) == {**PAIRS, "d": 9, "e": None}


@pytest.mark.parametrize(
    "given", [{"x": 1, "y": 2}, [("x", 1), ("y", 2)], iter([("x", 1), ["y", 2]]), {"x": 1, "y": 2}.items()]
)
def test_update_takes_mappings_and_pairs(cache, given):
    cache.update(given)
    assert dict(cache.items()) == {"x": 1, "y": 2}


def test_update_takes_another_cache_and_names(cache, full):
    other = Cache()
    other.update(full, d=4)
    other.update(a=5)
    assert dict(other.items()) == {**PAIRS, "a": 5, "d": 4}


def test_len_iter_and_views_agree(full):
    assert len(full) == 3
    assert set(full) == set(full.keys()) == set(PAIRS)
    assert dict(full.items()) == PAIRS
    assert sorted(map(str, full.values())) == sorted(map(str, PAIRS.values()))
    assert [len(full.keys()), len(full.values()), len(full.items())] == [3, 3, 3]


def test_views_are_live(full):
    keys, values, items = full.keys(), full.values(), full.items()
    full.clear()
    full["z"] = 26
    assert (list(keys), list(values), list(items)) == (["z"], [26], [("z", 26)])


def test_views_contain(full):
    keys = full.keys()
    assert ("a" in keys, "z" in keys) == (True, False)
    assert (None in full.values(), 7 in full.values()) == (True, False)
    assert (("a", 1) in full.items(), ("a", 2) in full.items(), "a" in full.items()) == (True, False, False)


def test_an_item_is_looked_up_by_its_hash(cache):
    cache.update((Key(n, hashed=n, on_eq=fault), n) for n in range(10))
    assert (Key(3, hashed=100), 3) not in cache.items()


def test_cannot_be_walked_backwards(full):
    with pytest.raises(TypeError, match="not reversible"):
        reversed(full)


def test_key_and_item_views_are_sets(full):
    assert full.keys() & {"a", "z"} == {"a"}
    assert full.keys() == set(PAIRS)
    assert full.items() ^ {("a", 1)} == {("b", None), ("c", 0)}


def test_a_walk_sees_each_key_that_stays_exactly_once_whatever_else_comes_and_goes(cache):
    cache.update((n, n) for n in range(100))
    seen = []
    for key in cache:
        seen.append(key)
        if key < 100:
            cache.delete(key)
            cache[key + 1000] = key
    assert sorted(key for key in seen if key < 100) == list(range(100))
    assert len(set(seen)) == len(seen)
    assert len(cache) == 100


@pytest.mark.parametrize("view", ["keys", "values", "items", "__iter__"])
def test_can_be_cleared_while_it_is_walked(cache, view):
    cache.update((n, n) for n in range(10))
    walk = iter(getattr(cache, view)())
    next(walk)
    cache.clear()
    assert len(list(walk)) < 10


def test_a_walk_of_many_stripes_sees_everything():
    cache = Cache(200_000)
    cache.update((n, -n) for n in range(100_000))
    assert dict(cache.items()) == {n: -n for n in range(100_000)}
    assert (set(cache), set(cache.values())) == (set(range(100_000)), set(range(0, -100_000, -1)))


def test_clear_leaves_nothing(full):
    full.clear()
    assert (len(full), list(full), "a" in full, full.stats().entries) == (0, [], False, 0)


def test_a_cache_cannot_be_initialised_again(full):
    with pytest.raises(RuntimeError, match="cannot be initialised again"):
        full.__init__(5)
    assert dict(full.items()) == PAIRS


def test_a_cache_is_usable_although_init_never_ran():
    cache = Cache.__new__(Cache)
    cache["k"] = 1
    assert (cache["k"], len(cache), cache.get_or_load("x", str), dict(cache.items())) == (1, 1, "x", {"k": 1, "x": "x"})
    cache._check()


def test_a_cache_can_be_subscripted_for_type_checkers():
    assert isinstance(Cache[str, int](5), Cache)


def test_repr_tells_name_and_fill():
    cache = Cache(5, name="users")
    cache["k"] = 1
    assert repr(cache) == "<Cache 'users': 1 of 5>"
    assert repr(Cache()) == "<Cache: 0 of unbounded>"
