"""A dogpile.cache backend: ``make_region().configure("fastcache")``, known by its entry point."""

from fastcache.dogpile.backend import FastCacheBackend

__all__ = ["FastCacheBackend"]
