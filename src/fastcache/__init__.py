"""The in-process cache that cannot stampede."""

import os
import sys
import warnings

from fastcache import _fork  # noqa: F401 - registers what the child of a fork mends
from fastcache._cache import Cache
from fastcache._clru_cache import clru_cache
from fastcache._config import RemovalCause, percent
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
from fastcache._histogram import Histogram
from fastcache._lru_cache import cache, lru_cache
from fastcache._namespace import Namespace
from fastcache._policy import Policy
from fastcache._renewal import Warmed
from fastcache._single import Flown, SingleFlight
from fastcache._sizes import sizeof
from fastcache._stats import CacheInfo, Entry, FlightInfo, Stats

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


def _warn_of_namesake() -> None:
    """Another, older distribution installs a package of the same name, and either overwrites the other."""
    other = _namesake()
    if other is not None:
        warnings.warn(
            f"the unrelated distribution 'fastcache' {other} is installed beside 'pyfastcache' and shares its import "
            "name; uninstall both, then install pyfastcache",
            RuntimeWarning,
            stacklevel=3,
        )


def _namesake() -> str | None:
    """Its version, if it is installed.  Not asked of importlib.metadata, whose import takes as long as all the rest."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)
        except OSError:
            continue
        for name in names:
            if name.startswith("fastcache-") and name.endswith((".dist-info", ".egg-info")):
                return name.removeprefix("fastcache-").removesuffix(".dist-info").partition("-")[0]
    return None


_warn_of_namesake()
