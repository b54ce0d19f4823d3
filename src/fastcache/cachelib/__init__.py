"""A cachelib cache: ``from fastcache.cachelib import FastCache`` in the place of ``cachelib.SimpleCache``."""

from fastcache.cachelib.backend import FastCache

__all__ = ["FastCache"]
