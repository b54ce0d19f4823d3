"""The in-process cache that cannot stampede."""

import os

from fastcache import _fork  # noqa: F401 - registers what the child of a fork mends
from fastcache._cache import Cache
from fastcache._core.context import Failed, LoadContext, Loaded
from fastcache._decorator import cached
from fastcache._errors import (
    BulkLoadError,
    CacheError,
    LoadCycleError,
    LoadFailed,
    LoadRejected,
    LoadTimeout,
    NotFound,
    RecursiveLoadError,
)
from fastcache._percent import percent
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastcache._clru_cache import clru_cache
    from fastcache._histogram import Histogram
    from fastcache._lru_cache import cache, lru_cache
    from fastcache._namespace import Namespace
    from fastcache._policy import Policy
    from fastcache._renewal import Warmed
    from fastcache._single import Flown, SingleFlight
    from fastcache._sizes import sizeof
    from fastcache._stats import CacheInfo, Entry, FlightInfo, Stats
    from fastcache._types import RemovalCause

__all__ = [
    "BulkLoadError",
    "Cache",
    "CacheError",
    "CacheInfo",
    "Entry",
    "Failed",
    "FlightInfo",
    "Flown",
    "Histogram",
    "LoadContext",
    "LoadCycleError",
    "LoadFailed",
    "LoadRejected",
    "LoadTimeout",
    "Loaded",
    "Namespace",
    "NotFound",
    "Policy",
    "RecursiveLoadError",
    "RemovalCause",
    "SingleFlight",
    "Stats",
    "Warmed",
    "cache",
    "cached",
    "clru_cache",
    "lru_cache",
    "percent",
    "sizeof",
]
__version__ = "0.1.0"

# Where that is of which not every program wants any: it is imported when it is first asked for.
_LATE = {
    "CacheInfo": "_stats",
    "Entry": "_stats",
    "FlightInfo": "_stats",
    "Flown": "_single",
    "Histogram": "_histogram",
    "Namespace": "_namespace",
    "Policy": "_policy",
    "RemovalCause": "_types",
    "SingleFlight": "_single",
    "Stats": "_stats",
    "Warmed": "_renewal",
    "cache": "_lru_cache",
    "clru_cache": "_clru_cache",
    "lru_cache": "_lru_cache",
    "sizeof": "_sizes",
}

# Checkers would take it that any name is to be had.
if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in _LATE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = globals()[name] = getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})


def _warn_of_namesake() -> None:
    """Another, older distribution installs a package of the same name, and either overwrites the other."""
    other = _namesake(os.path.dirname(__path__[0]))
    if other is not None:
        import warnings

        warnings.warn(
            f"the unrelated distribution 'fastcache' {other} is installed beside 'pyfastcache' and shares its import "
            "name; uninstall both, then install pyfastcache",
            RuntimeWarning,
            stacklevel=3,
        )


def _namesake(folder: str) -> str | None:
    """Its version, if it is installed there.  Not asked of importlib.metadata, which takes longer than all the rest."""
    try:
        names = os.listdir(folder)
    except OSError:
        return None
    for name in names:
        if name.startswith("fastcache-") and name.endswith((".dist-info", ".egg-info")):
            return name.removeprefix("fastcache-").removesuffix(".dist-info").partition("-")[0]
    return None


_warn_of_namesake()
