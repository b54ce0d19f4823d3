"""The dogpile.cache backend beyond what dogpile's own suites check, which ``make compat`` runs."""

from __future__ import annotations

import gc
from typing import Any

import pytest

pytest.importorskip("dogpile.cache")

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE

from fastcache.dogpile import FastCacheBackend
from tests.harness.gates import Call, HeldLoader, all_at_once


def test_the_backend_is_known_by_its_entry_point() -> None:
    region = make_region().configure("fastcache", arguments={"maxsize": 10})
    assert type(region.backend) is FastCacheBackend


def test_one_creation_for_all_who_ask_at_once() -> None:
    region = make_region().configure("fastcache")
    load = HeldLoader("value")
    calls = all_at_once(8, region.get_or_create, "key", load)
    load.gate.reached()
    load.gate.open()
    assert [call.result() for call in calls] == ["value"] * 8
    assert len(load.calls) == 1


def test_no_more_than_maxsize_is_held_and_what_is_used_stays() -> None:
    backend = FastCacheBackend({"maxsize": 10})
    for number in range(100):
        backend.set(str(number), number)
        assert backend.get("0") == 0
        assert len(backend._store) <= 10
    backend._store._check()


def test_values_are_gone_after_their_ttl() -> None:
    backend = FastCacheBackend({"ttl": 5000})
    backend.set_multi({"a": 1, "b": 2})
    for key in "ab":
        look = backend._store._look(key)
        assert look is not None
        assert look[2] == pytest.approx(5000, abs=60)
    assert FastCacheBackend({"ttl": 0}).get("a") is NO_VALUE


def test_backends_of_one_name_share_a_store() -> None:
    FastCacheBackend({"name": "shared"}).set("key", "value")
    assert FastCacheBackend({"name": "shared"}).get("key") == "value"
    assert FastCacheBackend({}).get("key") is NO_VALUE


@pytest.mark.parametrize(
    ("arguments", "kind", "told"),
    [
        ({"maxsize": 0}, ValueError, "maxsize must be at least 1 or None, not 0"),
        ({"maxsize": "9"}, TypeError, "maxsize must be an int or None, not '9'"),
        ({"ttl": -1}, ValueError, "ttl must not be negative, not -1"),
        ({"name": 7}, TypeError, "name must be a str or None, not 7"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, Any], kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        FastCacheBackend(arguments)


def test_all_who_ask_get_one_mutex_while_anybody_has_it() -> None:
    backend = FastCacheBackend({})
    mutexes = [call.result() for call in all_at_once(16, backend.get_mutex, "key")]
    assert len(set(map(id, mutexes))) == 1


def test_mutexes_that_nobody_has_are_forgotten() -> None:
    backend = FastCacheBackend({})
    for number in range(1000):
        backend.get_mutex(str(number)).acquire()
        backend.get_mutex(str(number)).release()
    gc.collect()
    assert len(backend._mutexes._references) == 0
    backend._mutexes._references._check()


def test_an_acquired_mutex_stays_though_its_owner_forgets_it_and_another_thread_releases_it() -> None:
    backend = FastCacheBackend({})
    backend.get_mutex("key").acquire()
    gc.collect()
    assert backend.get_mutex("key").acquire(False) is False
    Call(lambda: backend.get_mutex("key").release()).join()
    assert backend.get_mutex("key").acquire(False) is True
    assert backend.get_mutex("other").acquire(False) is True
