"""A pytest plugin: Flask-Caching's ``SimpleCache`` and ``Cache`` are fastcache's, on a clock that the tests move."""

from __future__ import annotations

import flask_caching
import flask_caching.backends
import flask_caching.backends.simplecache

from fastcache.compat.backend_store import BackendStore
from fastcache.flask import Cache, FastCache
from fastcache.testing import MovableClock

CLOCK = MovableClock()


class SimpleCache(FastCache):
    """On the tests' clock."""

    def _make_store(self) -> BackendStore:
        return BackendStore(CLOCK)


flask_caching.Cache = Cache
flask_caching.SimpleCache = SimpleCache
flask_caching.backends.SimpleCache = SimpleCache
flask_caching.backends.simplecache.SimpleCache = SimpleCache
