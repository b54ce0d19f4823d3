"""A pytest plugin: ``cachelib.SimpleCache`` is fastcache's."""

from __future__ import annotations

import cachelib
import cachelib.simple

from fastcache.cachelib import FastCache

cachelib.SimpleCache = cachelib.simple.SimpleCache = FastCache
