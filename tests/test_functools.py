"""CPython's own tests of functools.lru_cache and cache, with ours in their place."""

from __future__ import annotations

import functools
import types
import unittest
from typing import Any

import pytest

import fastcache

# Some distributions leave the interpreter's own tests out.
theirs = pytest.importorskip("test.test_functools")

# functools as the tests are to see it.
MODULE = types.SimpleNamespace(**{**vars(functools), "lru_cache": fastcache.lru_cache, "cache": fastcache.cache})


@fastcache.lru_cache()
def cached_function(x: int, y: int) -> int:
    return 3 * x + y


class TestLRU(theirs.TestLRU, unittest.TestCase):  # type: ignore[misc, name-defined]
    module = MODULE
    cached_func = (cached_function,)

    @fastcache.lru_cache()
    def cached_meth(self, x: int, y: int) -> int:
        return 3 * x + y

    @staticmethod
    @fastcache.lru_cache()
    def cached_staticmeth(x: int, y: int) -> int:
        return 3 * x + y


class TestCache(theirs.TestCache, unittest.TestCase):  # type: ignore[misc, name-defined]
    module = MODULE


def test_their_suite_is_there() -> None:
    """Nothing else would notice if they moved their tests."""
    names: list[Any] = [name for case in (TestLRU, TestCache) for name in dir(case) if name.startswith("test_")]
    assert len(names) >= 28
