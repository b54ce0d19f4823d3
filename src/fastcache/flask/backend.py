"""The backend that Flask-Caching makes from an application's configuration."""

from __future__ import annotations

import warnings
from typing import Any

from flask import Flask
from flask_caching.backends.base import BaseCache

from fastcache.cachelib.backend import FastCache as CachelibCache
from fastcache.compat.copying import Copy


class FastCache(CachelibCache, BaseCache):  # type: ignore[misc]
    """``fastcache.cachelib.FastCache``, of ``CACHE_THRESHOLD`` values; ``CACHE_OPTIONS`` may have ``copy``."""

    def __init__(
        self,
        threshold: int = 500,
        default_timeout: int = 300,
        ignore_delete_many_errors: bool = False,
        ignore_errors: bool | None = None,
        copy: Copy = "pickle",
    ) -> None:
        if ignore_errors is not None:
            warnings.warn("ignore_errors is now ignore_delete_many_errors", DeprecationWarning, stacklevel=2)
            ignore_delete_many_errors = ignore_errors
        super().__init__(threshold, default_timeout, ignore_delete_many_errors, copy)

    @classmethod
    def factory(cls, app: Flask, config: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> FastCache:
        return cls(*args, **{"threshold": config["CACHE_THRESHOLD"], **kwargs})
