"""What the child of a fork mends, once for all caches."""

from __future__ import annotations

import contextlib
import os
import sys

from fastcache import _batches, _refresh, _threads
from fastcache._config import fresh_seed
from fastcache._core.graph import places_held
from fastcache._core.store import after_fork
from fastcache._registry import live_caches


def _before() -> None:
    """Waits for modules that other threads are importing: the child would find their locks taken for ever."""
    from importlib import import_module

    for name in list(sys.modules):
        if name.startswith("fastcache."):
            # Whoever imports it is told why it failed.
            with contextlib.suppress(ImportError):
                import_module(name)


def _in_child() -> None:
    after_fork(fresh_seed())
    for cache in live_caches():
        # The places of the parent's other threads are free; what this thread is loading goes on.
        if cache._bulkhead is not None:
            cache._bulkhead.reset_after_fork(places_held(cache._bulkhead))
    _batches.reset_after_fork()
    for name in ("fastcache._greenlets", "fastcache._doors"):
        reset = getattr(sys.modules.get(name), "reset_after_fork", None)
        # While another thread imports it there is nothing to mend.
        if reset is not None:
            reset()
    _refresh.reset_after_fork()
    _threads.reset_after_fork()


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_in_child)
