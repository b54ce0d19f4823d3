"""Many keys in one call: what the loader is asked, what the result has, what is kept."""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from fastcache import BulkLoadError, Cache, Failed, LoadContext, Loaded, LoadFailed, NotFound, RecursiveLoadError
from fastcache.testing import MovableClock
from tests.harness.tasks import CacheOfTasks


@pytest.fixture(params=[Cache, CacheOfTasks], ids=["by threads", "by tasks"])
def make(request: pytest.FixtureRequest, clock: MovableClock) -> Callable[..., Cache[Any, Any]]:
    """Makes caches whose calls for many keys are made by threads, or by tasks."""
    return functools.partial(request.param, clock=clock)


class Loader:
    """Gives each key its square, but for those ``missing``, and adds ``extra``; ``calls`` are the lists it got."""

    def __init__(self, missing: Iterable[int] = (), extra: Mapping[Any, Any] = MappingProxyType({})) -> None:
        self.calls: list[list[int]] = []
        self.missing = set(missing)
        self.extra = extra

    def __call__(self, keys: list[int]) -> dict[int, Any]:
        self.calls.append(list(keys))
        return {**{key: key * key for key in keys if key not in self.missing}, **self.extra}


def unexpected(keys: object) -> Any:
    raise AssertionError(f"{keys!r} were loaded")


class LostError(Exception):
    pass


def fail(keys: object) -> Any:
    raise LostError(keys)


def test_only_missing_keys_are_loaded_once_each_and_in_the_order_of_the_request(cache: Cache[int, Any]) -> None:
    loader = Loader()
    cache.update({5: "five", 2: "two"})
    found = cache.get_many_or_load(iter([9, 5, 3, 9, 2, 3, 7]), loader)
    assert list(found.items()) == [(9, 81), (5, "five"), (3, 9), (2, "two"), (7, 49)]
    assert loader.calls == [[9, 3, 7]]
    assert cache.get_many([3, 7, 9]) == {3: 9, 7: 49, 9: 81}


def test_the_loader_is_not_called_for_nothing(cache: Cache[int, Any]) -> None:
    cache.update({1: "one", 2: None})
    assert cache.get_many_or_load([2, 1], unexpected) == {2: None, 1: "one"}
    assert cache.get_many_or_load([], unexpected) == {}
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.loads) == (2, 0, 0)


def test_the_loader_may_do_with_its_list_what_it_likes(cache: Cache[int, Any]) -> None:
    def load(keys: list[int]) -> dict[int, int]:
        found = {}
        while keys:
            key = keys.pop()
            found[key] = key * key
        return found

    assert list(cache.get_many_or_load([3, 1, 2], load).items()) == [(3, 9), (1, 1), (2, 4)]


@pytest.mark.parametrize("kind", [dict, OrderedDict, MappingProxyType])
def test_any_mapping_will_do(cache: Cache[int, Any], kind: Callable[[Any], Any]) -> None:
    assert cache.get_many_or_load([1, 2], lambda keys: kind({1: 1, 2: 4})) == {1: 1, 2: 4}


def test_a_mapping_that_makes_up_values_is_not_asked_to(cache: Cache[int, Any]) -> None:
    assert cache.get_many_or_load([1, 2], lambda keys: defaultdict(list, {1: 1})) == {1: 1}


def test_what_is_no_mapping_fails_all_keys(cache: Cache[int, Any]) -> None:
    with pytest.raises(BulkLoadError) as caught:
        cache.get_many_or_load([1, 2], lambda keys: [1, 4])  # type: ignore[arg-type, return-value]
    assert {key: str(error) for key, error in caught.value.errors.items()} == dict.fromkeys(
        [1, 2], "a loader of several keys must return a mapping, not list"
    )


def test_max_batch_cuts_the_keys_into_calls_one_after_the_other(cache: Cache[int, Any]) -> None:
    loader = Loader()
    assert list(cache.get_many_or_load(range(8), loader, max_batch=3)) == list(range(8))
    assert loader.calls == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_a_call_may_take_over_keys_that_wait_for_a_later_portion(cache: Cache[int, Any]) -> None:
    def load(keys: list[int]) -> dict[int, Any]:
        calls.append(keys)
        return {key: cache.get_or_load(2, lambda key: "nested") for key in keys}

    calls: list[list[int]] = []
    assert cache.get_many_or_load([1, 2, 3], load, max_batch=1) == {1: "nested", 2: "nested", 3: "nested"}
    assert calls == [[1], [3]]


# ---- keys without a value ----


def test_a_key_that_is_left_out_is_absent_from_the_result(cache: Cache[int, Any]) -> None:
    loader = Loader(missing=[2])
    assert cache.get_many_or_load([1, 2, 3], loader) == {1: 1, 3: 9}
    assert cache.get_many_or_load([1, 2, 3], loader) == {1: 1, 3: 9}
    assert loader.calls == [[1, 2, 3], [2]]


def test_default_stands_in_for_a_key_that_is_left_out(cache: Cache[int, Any]) -> None:
    assert list(cache.get_many_or_load([1, 2], Loader(missing=[1]), default=None).items()) == [(1, None), (2, 4)]
    assert 1 not in cache


def test_a_key_that_is_left_out_is_remembered_for_negative_ttl(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, negative_ttl=5)
    loader = Loader(missing=[2])
    for _ in range(2):
        assert cache.get_many_or_load([1, 2], loader) == {1: 1}
    with pytest.raises(NotFound):
        cache.get_or_load(2, unexpected)
    assert cache.get_many_or_load([2], loader, default="none") == {2: "none"}
    assert (loader.calls, cache.stats().negative_hits) == ([[1, 2]], 3)
    clock.advance(5)
    assert cache.get_many_or_load([2], loader) == {}
    assert loader.calls == [[1, 2], [2]]


def test_a_key_that_is_left_out_loses_its_old_value(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60)
    cache.update({1: "old", 2: "old"})
    clock.advance(10)
    assert cache.get_many_or_load([1, 2], Loader(missing=[2])) == {1: 1}
    assert cache.get_entry(2) is None


def test_a_loader_that_raises_not_found_has_none_of_the_keys(make: Any) -> None:
    class UnknownError(Exception):
        pass

    def load(keys: list[int]) -> Any:
        raise UnknownError

    cache = make(ttl=60, negative=UnknownError, negative_ttl=5)
    assert cache.get_many_or_load([1, 2], load) == {}
    assert cache.get_many_or_load([1, 2], unexpected, default=0) == {1: 0, 2: 0}


# ---- keys that were not asked for ----


def test_extra_values_are_kept_and_not_returned(cache: Cache[int, Any]) -> None:
    assert cache.get_many_or_load([1, 2], Loader(extra={7: "seven"})) == {1: 1, 2: 4}
    assert cache.get_many([7]) == {7: "seven"}


def test_an_extra_value_does_not_replace_one_that_may_be_newer(cache: Cache[int, Any], clock: MovableClock) -> None:
    def load(keys: list[int]) -> dict[int, Any]:
        cache[7] = "written meanwhile"
        return {1: 1, 7: "loaded before", 8: "loaded"}

    cache[8] = "old"
    clock.advance(60)
    assert cache.get_many_or_load([1], load) == {1: 1}
    assert cache.get_many([7, 8]) == {7: "written meanwhile", 8: "loaded"}


def test_an_extra_value_is_kept_as_it_says(cache: Cache[int, Any], clock: MovableClock) -> None:
    cache.get_many_or_load([1], Loader(extra={7: Loaded("seven", ttl=5), 8: Loaded(8, ttl=0), 9: Failed(LostError())}))
    assert cache.get_many([7, 8, 9]) == {7: "seven"}
    clock.advance(5)
    assert cache.get_many([7]) == {}


def test_an_extra_value_whose_tag_was_invalidated_meanwhile_is_not_kept(cache: Cache[int, Any]) -> None:
    def load(keys: list[int]) -> dict[int, Any]:
        cache.invalidate_tag("t")
        return {1: 1, 7: Loaded("seven", tags="t"), 8: Loaded("eight", tags="u")}

    cache.set(9, "nine", tags=["t", "u"])
    cache.get_many_or_load([1], load)
    assert cache.get_many([7, 8]) == {8: "eight"}


def test_an_extra_value_ends_a_remembered_absence(make: Any) -> None:
    cache = make(ttl=60, negative_ttl=60)
    cache.get_many_or_load([7], Loader(missing=[7]))
    cache.get_many_or_load([1], Loader(extra={7: "seven"}))
    assert cache.get(7) == "seven"


# ---- failures ----


def test_a_loader_that_raises_fails_the_keys_of_its_call_alone(cache: Cache[int, Any]) -> None:
    def load(keys: list[int]) -> dict[int, Any]:
        return fail(keys) if 3 in keys else loader(keys)

    loader = Loader()
    cache[9] = "nine"
    with pytest.raises(BulkLoadError) as caught:
        cache.get_many_or_load([1, 2, 3, 4, 9, 5], load, max_batch=2, default="none")
    failure = caught.value
    assert list(failure.partial.items()) == [(1, 1), (2, 4), (9, "nine"), (5, 25)]
    assert {key: (type(error), error.args) for key, error in failure.errors.items()} == dict.fromkeys(
        [3, 4], (LostError, ([3, 4],))
    )
    assert failure.__cause__ is failure.errors[3]
    assert str(failure) == "2 keys could not be loaded, among them 3: LostError: [3, 4]"
    assert cache.get_many([1, 2, 3, 4, 5]) == {1: 1, 2: 4, 5: 25}


def test_errors_may_stand_in_the_result(cache: Cache[int, Any]) -> None:
    cache[2] = "two"
    found = cache.get_many_or_load([1, 2, 3], fail, errors="return")
    assert list(found) == [1, 2, 3]
    assert (found[2], type(found[1]), found[1] is found[3]) == ("two", LostError, True)


def test_failed_marks_one_key(make: Any) -> None:
    cache = make(ttl=60, negative_ttl=60)
    error, none = LostError("this one"), NotFound(3)
    found = cache.get_many_or_load([1, 2, 3], lambda keys: {1: 1, 2: Failed(error), 3: Failed(none)}, errors="return")
    assert found == {1: 1, 2: error}
    assert cache.get_many_or_load([3], unexpected) == {}
    assert repr(Failed(error)) == "Failed(LostError('this one'))"
    with pytest.raises(TypeError, match="error must be an Exception, not KeyboardInterrupt"):
        Failed(KeyboardInterrupt())  # type: ignore[arg-type]


def test_an_exception_as_a_value_is_a_value(cache: Cache[int, Any]) -> None:
    values: dict[int, Any] = {1: LostError(), 2: NotFound(2), 3: None, 4: NotImplemented, 5: LostError, 6: ""}
    assert cache.get_many_or_load([1, 2, 3, 4, 5, 6], lambda keys: values) == values
    assert cache.get_many_or_load([1, 2, 3, 4, 5, 6], unexpected) == values


def test_an_old_value_stands_in_for_a_failure(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60)
    cache[1] = "old"
    clock.advance(10)
    with pytest.raises(BulkLoadError) as caught:
        cache.get_many_or_load([1, 2], fail)
    assert (caught.value.partial, list(caught.value.errors)) == ({1: "old"}, [2])
    assert isinstance(cache.get_entry(1).last_error, LostError)
    clock.advance(10)
    with pytest.raises(BulkLoadError) as caught:
        cache.get_many_or_load([1], fail, max_stale=5)
    assert caught.value.partial == {}


def test_a_remembered_failure_is_one_of_its_key(make: Any) -> None:
    cache = make(ttl=60, error_ttl=30)
    cache.get_many_or_load([1, 2], lambda keys: {1: 1, 2: Failed(LostError("first"))}, errors="return")
    found = cache.get_many_or_load([1, 2, 3], Loader(), errors="return")
    assert (found[1], found[3], type(found[2]), found[2].cached) == (1, 9, LostError, True)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_what_is_no_exception_ends_the_call_and_leaves_nothing_behind(
    cache: Cache[int, Any], interrupt: type[BaseException]
) -> None:
    def load(keys: list[int]) -> Any:
        if 3 in keys:
            raise interrupt
        return {key: key for key in keys}

    with pytest.raises(interrupt):
        cache.get_many_or_load(range(8), load, max_batch=2)
    assert (cache.flights(), sorted(cache)) == ([], [0, 1])
    assert cache.get_many_or_load(range(8), Loader()) == {**{n: n * n for n in range(8)}, 0: 0, 1: 1}


def test_a_loader_that_asks_for_a_key_of_its_own_is_told_at_once(cache: Cache[int, Any]) -> None:
    def ask_for_one(keys: list[int]) -> Any:
        return cache.get_or_load(2, unexpected)

    def ask_for_several(keys: list[int]) -> Any:
        return cache.get_many_or_load([8, 3], unexpected)

    for load in (ask_for_one, ask_for_several):
        found = cache.get_many_or_load([1, 2, 3], load, errors="return")
        assert {type(error) for error in found.values()} == {RecursiveLoadError}
    assert cache.flights() == []


# ---- how values are kept ----


def test_the_call_says_how_long_values_live_and_each_value_for_itself(
    cache: Cache[int, Any], clock: MovableClock
) -> None:
    cache.get_many_or_load([1, 2, 3], lambda keys: {1: 1, 2: Loaded(4, ttl=30), 3: Loaded(9, ttl=0)}, ttl=10)
    assert cache.get_many([1, 2, 3]) == {1: 1, 2: 4}
    clock.advance(10)
    assert cache.get_many([1, 2]) == {2: 4}
    clock.advance(20)
    assert cache.get_many([1, 2]) == {}


def test_wrong_wishes_fail_their_key_alone(make: Any) -> None:
    cache = make(ttl=60, max_weight=10, weigher=lambda key, value: value)
    found = cache.get_many_or_load([1, 2, 3], lambda keys: {1: 1, 2: Loaded(4, ttl=-1), 3: "heavy"}, errors="return")
    assert (found[1], str(found[2]), type(found[3])) == (1, "ttl must not be negative, not -1", TypeError)
    assert list(cache.items()) == [(1, 1)]


def test_a_context_for_each_key(make: Any, clock: MovableClock) -> None:
    def load(keys: list[int], contexts: dict[int, LoadContext[int, Any]]) -> dict[int, Any]:
        assert list(contexts) == keys == [1, 2, 3, 4, 5]
        contexts[3].ttl = 100
        contexts[3].tags = "t"
        contexts[5].no_store()
        return {
            1: contexts[1].not_modified(),
            2: contexts[2].not_found(),
            3: (contexts[3].has_stale_value, contexts[1].stale_etag),
            4: contexts[4].fail("no"),
            5: 25,
        }

    cache = make(ttl=10, stale_if_error=60)
    cache.get_many_or_load([1], lambda keys: {1: Loaded("old", etag="e")})
    clock.advance(10)
    found = cache.get_many_or_load([1, 2, 3, 4, 5], load, with_context=True, errors="return")
    assert (found[1], found[3], type(found[4]), found[5], len(found)) == ("old", (False, "e"), LoadFailed, 25, 4)
    assert (sorted(cache), cache.get_entry(3).tags) == ([1, 3], ("t",))


def test_force_and_max_age_load_what_there_is(cache: Cache[int, Any], clock: MovableClock) -> None:
    loader = Loader()
    cache.update({1: "old", 2: "old"})
    clock.advance(10)
    cache[3] = "young"
    assert cache.get_many_or_load([1, 3], loader, max_age=5) == {1: 1, 3: "young"}
    assert cache.get_many_or_load([2, 3], loader, force=True) == {2: 4, 3: 9}
    assert loader.calls == [[1], [2, 3]]


def test_each_key_counts_as_a_lookup_and_a_load(cache: Cache[int, Any]) -> None:
    cache[1] = 1
    cache.get_many_or_load([1, 2, 3, 3], Loader())
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.loads, stats.coalesced) == (1, 2, 2, 0)


def test_an_uncacheable_key_is_loaded_all_the_same(make: Any) -> None:
    cache = make(ttl=60, uncacheable_ttl=60)
    loader = Loader(missing=[1], extra={1: Loaded("never kept", ttl=0)})
    for _ in range(3):
        assert cache.get_many_or_load([1, 2], loader) == {1: "never kept", 2: 4}
    assert loader.calls == [[1, 2], [1], [1]]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_batch": 0}, ValueError, "max_batch must be at least 1 or None, not 0"),
        ({"max_batch": True}, TypeError, "max_batch must be an int or None, not True"),
        ({"errors": "ignore"}, ValueError, "errors must be 'raise' or 'return', not 'ignore'"),
        ({"ttl": -1}, ValueError, "ttl must not be negative, not -1"),
        ({"force": 1}, TypeError, "force must be a bool, not 1"),
        ({"with_status": True}, TypeError, "get_many_or_load got an unexpected keyword argument 'with_status'"),
        ({"colour": 1}, TypeError, "get_many_or_load got an unexpected keyword argument 'colour'"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_loaded(
    cache: Cache[int, Any], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        cache.get_many_or_load([1], unexpected, **options)
    assert str(caught.value).removeprefix("a") == message
    assert (cache.flights(), cache.stats().misses) == ([], 0)


def test_wrong_keys_and_loaders_are_refused_before_anything_is_loaded(cache: Cache[Any, Any]) -> None:
    with pytest.raises(TypeError, match="keys must be an iterable, not 1"):
        cache.get_many_or_load(1, unexpected)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="loader must be callable, not None"):
        cache.get_many_or_load([1], None)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="unhashable"):
        cache.get_many_or_load([1, []], unexpected)  # type: ignore[list-item]
    assert (cache.flights(), cache.stats().misses) == ([], 0)


# ---- without a loader ----


def test_get_many_has_what_is_there(cache: Cache[int, Any], clock: MovableClock) -> None:
    cache.set(1, "one", ttl=5)
    cache.update({2: None, 3: "three"})
    assert list(cache.get_many(iter([3, 1, 4, 2])).items()) == [(3, "three"), (1, "one"), (2, None)]
    clock.advance(5)
    assert cache.get_many([1, 2]) == {2: None}
    stats = cache.stats()
    assert (stats.hits, stats.misses) == (4, 2)
    with pytest.raises(TypeError, match="keys must be an iterable, not 1"):
        cache.get_many(1)  # type: ignore[arg-type]


def test_set_many_writes_all(cache: Cache[int, Any], clock: MovableClock) -> None:
    other: Cache[int, int] = Cache()
    other.update({5: 25, 6: 36})
    cache[1] = "old"
    cache.set_many({1: 1, 2: 4}, ttl=5)
    cache.set_many({3: 9, 4: 16}, tags=["a", "b"])
    cache.set_many(other)
    assert dict(cache.items()) == {n: n * n for n in range(1, 7)}
    clock.advance(5)
    cache.invalidate_tag("b")
    assert dict(cache.items()) == {5: 25, 6: 36}


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ([[(1, 1)]], {}, TypeError, r"mapping must be a mapping, not \[\(1, 1\)\]"),
        ([{1: 1}], {"ttl": -1}, ValueError, "ttl must not be negative, not -1"),
        ([{1: 1}], {"tags": [1]}, TypeError, "tag"),
    ],
)
def test_set_many_writes_nothing_if_it_is_called_wrongly(
    cache: Cache[int, Any], arguments: list[Any], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        cache.set_many(*arguments, **options)
    assert len(cache) == 0


def test_delete_many_counts_what_it_removed(cache: Cache[Any, Any], clock: MovableClock) -> None:
    cache.set(1, "one", ttl=5)
    cache.update({2: 4, 3: 9, 4: 16})
    clock.advance(5)
    assert cache.delete_many(iter([1, 2, 3, 3, 7])) == 2
    with pytest.raises(TypeError, match="unhashable"):
        cache.delete_many([4, []])
    with pytest.raises(TypeError, match="keys must be an iterable, not 4"):
        cache.delete_many(4)  # type: ignore[arg-type]
    assert list(cache) == [4]
