"""The backends for cachelib and Flask-Caching, and the coalescing ``Cache``, beyond what their own tests check."""

from __future__ import annotations

import threading
from typing import Any

import pytest

pytest.importorskip("flask_caching")

import flask

from fastcache import RecursiveLoadError, cachelib
from fastcache.flask import Cache, FastCache
from tests.harness.gates import Call, HeldLoader, all_at_once, await_until


def an_app(**config: Any) -> tuple[flask.Flask, Cache]:
    app = flask.Flask("tests")
    app.config.from_mapping(TESTING=True, CACHE_TYPE="fastcache.flask.FastCache", **config)
    return app, Cache(app)


def waiting(cache: Cache) -> int:
    return sum(flight.waiters for flight in cache._flights.flights())


def test_the_backend_is_found_by_its_path() -> None:
    app, cache = an_app(CACHE_THRESHOLD=7, CACHE_DEFAULT_TIMEOUT=60, CACHE_OPTIONS={"copy": "none"})
    with app.app_context():
        assert type(cache.cache) is FastCache
        assert (cache.cache._threshold, cache.cache.default_timeout, cache.cache._copy) == (7, 60, "none")


def test_one_call_of_a_memoized_function_for_all_who_ask_at_once() -> None:
    app, cache = an_app()
    load = HeldLoader(["value"])

    @cache.memoize(60)
    def function(number: int) -> Any:
        return load(number)

    def in_a_request() -> Any:
        with app.app_context():
            return function(1)

    calls = all_at_once(8, in_a_request)
    load.gate.reached()
    await_until(lambda: waiting(cache) == 7)
    load.gate.open()
    values = [call.result() for call in calls]
    assert (load.calls, values) == ([1], [["value"]] * 8)
    assert len(set(map(id, values))) == 8


def test_one_call_of_a_view_for_all_requests_at_once() -> None:
    app, cache = an_app()
    load = HeldLoader("page")

    @app.get("/page")
    @cache.cached(60)
    def page() -> Any:
        return flask.make_response(load())

    calls = all_at_once(5, lambda: app.test_client().get("/page").text)
    load.gate.reached()
    await_until(lambda: waiting(cache) == 4)
    load.gate.open()
    assert [call.result() for call in calls] == ["page"] * 5
    assert len(load.calls) == 1


def test_who_waited_for_what_is_not_kept_computes_for_himself() -> None:
    app, cache = an_app()
    load = HeldLoader(None)

    @cache.memoize(60)
    def nothing() -> Any:
        return load()

    def in_a_request() -> Any:
        with app.app_context():
            return nothing()

    calls = all_at_once(3, in_a_request)
    load.gate.reached()
    await_until(lambda: waiting(cache) == 2)
    load.gate.open()
    assert [call.result() for call in calls] == [None] * 3
    assert len(load.calls) == 3


def test_a_failure_reaches_all_who_waited() -> None:
    app, cache = an_app()
    load = HeldLoader(LookupError("none"))

    @cache.memoize(60)
    def failing() -> Any:
        return load()

    def in_a_request() -> Any:
        with app.app_context():
            return failing()

    calls = all_at_once(4, in_a_request)
    load.gate.reached()
    await_until(lambda: waiting(cache) == 3)
    load.gate.open()
    assert [type(call.error()) for call in calls] == [LookupError] * 4
    assert len(load.calls) == 1


def test_the_key_is_computed_once_for_a_call() -> None:
    app, cache = an_app()
    made = []

    def key(*args: Any, **kwargs: Any) -> str:
        made.append(args)
        return "key"

    @cache.cached(60, make_cache_key=key)
    def function(number: int) -> int:
        return number

    with app.test_request_context("/"):
        assert (function(1), function(2)) == (1, 1)
    assert made == [(1,), (2,)]


def test_unless_is_asked_once_and_waits_for_nobody() -> None:
    app, cache = an_app()
    load = HeldLoader("loaded")
    asked = []

    def unless(function: Any, number: int) -> bool:
        asked.append(number)
        return number == 2

    @cache.memoize(60, unless=unless)
    def function(number: int) -> Any:
        return load() if number == 1 else "not cached"

    def in_a_request(number: int) -> Any:
        with app.app_context():
            return function(number)

    call = Call(in_a_request, 1)
    load.gate.reached()
    assert in_a_request(2) == "not cached"
    load.gate.open()
    assert call.result() == "loaded"
    assert sorted(asked) == [1, 2]


def test_a_timeout_set_on_the_function_holds() -> None:
    app, cache = an_app()

    @cache.memoize(60)
    def function() -> str:
        return "value"

    function.cache_timeout = 5000
    with app.app_context():
        function()
        lives = [cache.cache._cache._look(key)[2] for key in cache.cache._cache]
    assert lives == [pytest.approx(5000, abs=60)] * 2


def test_deleting_what_was_memoized_works_from_within_the_function() -> None:
    app, cache = an_app()
    runs = []

    @cache.memoize(60)
    def function(number: int) -> int:
        runs.append(number)
        if number == 1 and len(runs) == 1:
            cache.delete_memoized(function, 2)
        return len(runs)

    with app.app_context():
        assert function(1) == 1
        assert function(1) == 1


def test_a_function_that_needs_its_own_result_raises() -> None:
    app, cache = an_app()

    @cache.memoize(60)
    def endless(number: int) -> int:
        return endless(number)

    with app.app_context(), pytest.raises(RecursiveLoadError):
        endless(1)


def test_no_more_than_the_threshold_is_held_and_what_is_used_stays() -> None:
    cache = cachelib.FastCache(threshold=10)
    for number in range(100):
        cache.set(str(number), number)
        assert cache.get("0") == 0
        assert len(cache._cache) <= 10
    cache._cache._check()


def test_counting_keeps_the_timeout_and_loses_nothing() -> None:
    cache = cachelib.FastCache()
    cache.set("key", 10**9, 5000)

    def count() -> None:
        for _ in range(500):
            cache.inc("key")
            cache.inc("new")

    for call in all_at_once(4, count):
        call.join()
    assert (cache.get("key"), cache.get("new")) == (10**9 + 2000, 2000)
    look = cache._cache._look("key")
    assert look is not None
    assert look[2] == pytest.approx(5000, abs=60)


def test_the_very_object_is_returned_if_no_copies_are_wanted() -> None:
    cache = cachelib.FastCache(copy="none")
    lock = threading.Lock()
    cache.set("lock", lock)
    assert cache.get("lock") is lock
    with pytest.raises(ValueError, match="copy must be 'pickle' or 'none', not 'deep'"):
        cachelib.FastCache(copy="deep")  # type: ignore[arg-type]
