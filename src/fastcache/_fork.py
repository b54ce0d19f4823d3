"""What the child of a fork mends, once for all caches."""

from __future__ import annotations

import _thread
import os
import sys

from fastcache import _batches, _refresh, _threads
from fastcache._config import fresh_seed
from fastcache._core.graph import places_held
from fastcache._core.greenlet import thread_survives_fork
from fastcache._core.store import after_fork
from fastcache._registry import live_caches


def _is_whole(name: str) -> bool:
    """Whether a module is there, and nobody is importing it any more."""
    spec = getattr(_threads.imported(name), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


# All that is imported when it is first used, under what has to be there.  Where that is the module itself, it is only
# waited for: it registers functions of its own for forks, which amid one is too late.
LATE = {
    "sys": (
        "copy inspect random fastcache fastcache._bulkhead fastcache._clru_cache fastcache._copies "
        "fastcache._duplicate fastcache._histogram fastcache._lru_cache fastcache._methods fastcache._namespace "
        "fastcache._policy fastcache._renewal fastcache._single fastcache._sizes fastcache._stats fastcache._types"
    ),
    "concurrent.futures": "concurrent.futures",
    "asyncio": "asyncio asyncio.coroutines fastcache._aio fastcache._task_loads",
    "greenlet": "fastcache._greenlets",
}

# Who imports asyncio or futures needs the lock of logging, which is taken before a fork.  What was registered for forks
# last is called first, so that lock is still free in ``_before`` only if logging was there first.
_LOGGING_CAME_FIRST = _is_whole("logging")


def _before() -> None:
    """Imports what another thread may be about to import: the child would find the locks of that taken for ever."""
    if not _thread._count():
        return
    from importlib import import_module

    interrupt: BaseException | None = None
    for there, names in LATE.items():
        if there in sys.modules if _LOGGING_CAME_FIRST else _is_whole(there):
            for name in names.split():
                # Once more if it is interrupted, and then the others.
                for _ in range(2):
                    try:
                        import_module(name)
                    except Exception:
                        # Whoever uses it is told why it cannot be imported.
                        break
                    except BaseException as error:
                        interrupt = error
                    else:
                        break
    if interrupt is not None:
        raise interrupt


_mended = os.getpid()


def _in_child() -> None:
    """What interrupts a hook the interpreter reports, and forgets: the second then does all once more."""
    global _mended
    if _mended != os.getpid():
        _mend()
        _mended = os.getpid()


def _mend() -> None:
    after_fork(fresh_seed())
    # After the flights of the process, and before places are counted.
    thread_survives_fork()
    for cache in live_caches():
        # The places of the parent's other threads are free; what this thread is loading goes on.
        if cache._bulkhead is not None:
            cache._bulkhead.reset_after_fork(places_held(cache._bulkhead))
    _refresh.reset_after_fork()
    # After the pools: a finalizer may gather meanwhile.
    _batches.reset_after_fork()
    _threads.reset_after_fork()
    for name in ("fastcache._greenlets", "fastcache._doors", "fastcache._home", "fastcache._task_loads"):
        # None of it is there amid its import, which a handler or finalizer may have interrupted to fork.
        reset = getattr(_threads.imported(name), "reset_after_fork", None)
        if reset is not None:
            reset()


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_in_child)
    os.register_at_fork(after_in_child=_in_child)
