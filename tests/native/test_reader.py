"""Reads without a lock, stopped between any two steps while the cache changes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcache import Cache
from fastcache.testing import MovableClock

probe = pytest.importorskip("tests.native.probe")

pytestmark = pytest.mark.skipif(not probe.free_reads, reason="reads take locks in this build")

HOUR = 3600 * 10**9


class Value:
    """Can be watched, and is gone with its last reference."""


def another(key: Any) -> Any:
    """An equal key that is another object."""
    if isinstance(key, tuple):
        return tuple(another(item) for item in key)
    if isinstance(key, str):
        return (key + "x")[:-1]
    if isinstance(key, bytes):
        return bytes(bytearray(key))
    return key + 1 - 1 if isinstance(key, int) else key * 2 / 2


@pytest.fixture
def running() -> Iterator[None]:
    """The world is not stopped, as it never is amid a read."""
    gc.disable()
    yield
    gc.enable()


KEYS = [
    *(
        "key",
        "",
        "ä",
        "Ω" * 9,
        "\N{SNOWMAN}" * 40,
        "long" * 100,
        "\N{GRINNING FACE}",
        1000,
        -(2**200),
        b"bytes",
        b"",
        0.5,
    ),
    *((), ("a", 1000), ("a" * 30, 10**30, b"c", 2.5)),
]


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_a_read_finds_what_was_written_under_an_equal_key(key: Any) -> None:
    cache: Cache[Any, Any] = Cache()
    value = Value()
    cache[key] = value
    for asked in (key, another(key)):
        read = probe.ReadProbe(cache, asked)
        assert (read.begin(), read.find(), read.take() is value) == (True, True, True)


@pytest.mark.parametrize("key", [key for key in KEYS if isinstance(key, tuple)], ids=repr)
def test_a_read_finds_a_tuple_by_its_items(key: tuple[Any, ...]) -> None:
    cache: Cache[Any, Any] = Cache()
    value = Value()
    cache[key] = value
    cache[(*key, "more")] = "another"
    for asked in (key, another(key)):
        read = probe.ReadProbe(cache, asked)
        assert (read.begin(), read.find_items(), read.take() is value) == (True, True, True)
    for absent in ((*key, "other"), (("nested",),)):
        read = probe.ReadProbe(cache, absent)
        assert (read.begin(), read.find_items()) == (True, False)


@pytest.mark.usefixtures("running")
def test_a_write_amid_a_read_by_items_makes_it_ask_again() -> None:
    cache: Cache[Any, Any] = Cache(100)
    cache["a", 1] = "value"
    read = probe.ReadProbe(cache, ("a", 1))
    assert read.begin()
    assert cache.pop(("a", 1)) == "value"
    assert not read.find_items()
    cache["a", 1] = "value"
    assert read.begin()
    assert read.find_items()
    cache["a", 1] = "another"
    assert read.take() is None


@pytest.mark.parametrize("key", ["k" * 5000, 10**20000, b"b" * 5000, (("nested",), 1)], ids=type)
def test_keys_that_take_long_to_compare_are_left_to_the_lock(key: Any) -> None:
    cache: Cache[Any, Any] = Cache()
    cache[key] = "value"
    same = another(key)
    read = probe.ReadProbe(cache, same)
    assert (read.begin(), read.find()) == (True, False)
    assert cache.get(same) == "value"


def test_a_key_that_is_not_there_is_not_found() -> None:
    cache: Cache[Any, Any] = Cache()
    cache.update({str(n): n for n in range(100)})
    for absent in ("100", 5, b"5", ("5",), 5.0):
        read = probe.ReadProbe(cache, absent)
        assert (read.begin(), read.find(), read.take()) == (True, False, None)


def test_a_value_that_may_be_due_is_not_taken() -> None:
    clock = MovableClock()
    cache: Cache[Any, Any] = Cache(ttl=10, clock=clock)
    cache["a"] = 1
    read = probe.ReadProbe(cache, "a")
    assert read.begin()
    assert read.find()
    assert read.take(ceiling=HOUR * 10**6) is None


def full(cache: Cache[Any, Any]) -> None:
    # More than the index, the first chunk and the list of chunks have room for.
    cache.update({("filler", n): n for n in range(5000)})


WRITES: dict[str, Callable[[Cache[Any, Any]], Any]] = {
    "the same value": lambda cache: cache.set("a", cache["a"]),
    "another value": lambda cache: cache.set("a", Value()),
    "a value for another key": lambda cache: cache.set("b", Value()),
    "a removal": lambda cache: cache.delete("a"),
    "a pop": lambda cache: cache.pop("a"),
    "the end of its freshness": lambda cache: cache.expire("a"),
    "a removal of another key": lambda cache: cache.delete("other"),
    "a clearing": lambda cache: cache.clear(),
    "a clearing and new keys": lambda cache: (cache.clear(), cache.update(dict.fromkeys(range(20), 0))),
    "growth": full,
    "growth and a clearing": lambda cache: (full(cache), cache.clear(), full(cache)),
    "a load": lambda cache: cache.get_or_load("new", str.upper),
}


GROWTH = [write for name, write in WRITES.items() if name.startswith("growth")]


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("after", ["begin", "find"])
def test_a_write_amid_a_read_makes_it_ask_again_under_the_lock(
    write: Callable[[Cache[Any, Any]], Any], after: str
) -> None:
    # One stripe, but for growth.
    cache: Cache[Any, Any] = Cache(None if write in GROWTH else 100, ttl=60)
    cache["other"] = 1
    value = Value()
    gone = weakref.ref(value)
    cache["a"] = value
    del value
    read = probe.ReadProbe(cache, another("a"))
    assert read.begin()
    if after == "find":
        assert read.find()
    write(cache)
    if after == "begin":
        assert not read.find()
    assert read.take() is None
    # Nothing that the read did keeps the old value.
    assert gone() is None or gone() is cache.get("a")
    assert read.begin()
    assert read.find() == ("a" in cache)
    assert read.take() is cache.get("a")


LOOKS: dict[str, Callable[[Cache[Any, Any]], Any]] = {
    "a hit": lambda cache: cache["a"],
    "a miss": lambda cache: cache.get("absent"),
    "a question": lambda cache: "a" in cache,
    "a list": lambda cache: list(cache.items()),
    "a count": len,
    "an entry": lambda cache: cache.get_entry("a"),
    "flights": lambda cache: cache.flights(),
    "stats": lambda cache: cache.stats(),
    "a check": lambda cache: cache._check(),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_who_only_looks_disturbs_no_read(look: Callable[[Cache[Any, Any]], Any]) -> None:
    cache: Cache[Any, Any] = Cache()
    cache["a"] = value = Value()
    read = probe.ReadProbe(cache, "a")
    assert read.begin()
    look(cache)
    assert read.find()
    look(cache)
    assert read.take() is value


def test_an_object_in_unknown_memory_closes_its_stripe_to_reads_without_a_lock() -> None:
    assert probe.readable(Value())
    assert probe.readable(("a", 1))
    assert not probe.readable(probe.Foreign())
    assert not probe.readable(("a", probe.Foreign()))
    for key, value in (("a", probe.Foreign()), (probe.Foreign(), "a"), (("a", probe.Foreign()), 1)):
        cache: Cache[Any, Any] = Cache(100)
        cache["b"] = "B"
        read = probe.ReadProbe(cache, "b")
        assert read.begin()
        cache[key] = value
        assert not read.begin()
        assert cache.get(key) is value
        assert cache.get("b") == "B"
        assert cache.stats().hits == 2
        cache.clear()
        assert not read.begin()


def test_a_closed_cache_is_as_good() -> None:
    cache: Cache[Any, Any] = Cache(100_000)
    probe.close_to_readers(cache)
    cache.update({n: str(n) for n in range(5000)})
    assert [cache[n] for n in range(5000)] == [str(n) for n in range(5000)]
    assert cache.stats().hits == 5000


def test_what_is_set_aside_is_used_again_and_never_more_than_was_needed() -> None:
    cache: Cache[Any, Any] = Cache()
    most = 0
    for turn in range(200):
        cache.update(dict.fromkeys(range(100 + turn % 7 * 100)))
        cache.clear()
        if turn == 20:
            most = probe.shelved(cache)
    assert 0 < probe.shelved(cache) <= most


def test_a_collection_frees_what_was_set_aside() -> None:
    cache: Cache[Any, Any] = Cache()
    full(cache)
    assert probe.shelved(cache) > 0
    gc.collect()
    assert probe.shelved(cache) == 0
    assert cache[("filler", 4999)] == 4999


@pytest.mark.usefixtures("running")
def test_clearing_a_large_cache_gives_its_memory_back_at_once() -> None:
    cache: Cache[Any, Any] = Cache()
    cache.update(dict.fromkeys(range(50_000)))
    cache.clear()
    assert probe.shelved(cache) == 0
