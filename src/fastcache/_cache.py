"""The cache: a mapping whose values age, and that loads what it misses once for all who ask."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from fastcache._ahead import AheadStore
from fastcache._config import check_count, settings
from fastcache._core.mapping import adopt
from fastcache._core.store import nanoseconds
from fastcache._errors import NotFound
from fastcache._load_config import checked_executor, load_settings
from fastcache._refresh_log import RefreshLog
from fastcache._registry import register
from fastcache._typing import TYPE_CHECKING, K, V
from fastcache._views import Items, Keys, Values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor
    from types import EllipsisType
    from typing import Any, TypeVar

    from fastcache._duplicate import Item
    from fastcache._namespace import Namespace
    from fastcache._stats import CacheInfo, Entry, FlightInfo, Stats
    from fastcache._types import (
        Clock,
        Copy,
        ErrorTypes,
        EvictionPolicy,
        Jitter,
        RefreshAhead,
        RemovalCause,
        Seconds,
        Weigher,
    )

    C = TypeVar("C", bound="Cache[Any, Any]")


@adopt
class Cache(AheadStore[K, V]):
    """An in-process cache that cannot stampede.

    All durations are in seconds: int, float or timedelta.

    :param maxsize: most entries held at any time; None: no bound.
    :param max_weight: most weight held at any time, the sum over all entries; None: no bound, and nothing is weighed.
        It may stand beside ``maxsize`` or alone.
    :param weigher: called as ``weigher(key, value)`` once for each value that is to be kept; its weight, an int of at
        least 0 and below 2**62, in whatever unit ``max_weight`` is.  None: ``fastcache.sizeof``, in bytes.  A value
        heavier than ``max_weight`` is handed to whoever loaded it and not kept; written over another one, it removes
        that.  If the weigher raises, or says nonsense, a write changes nothing, and a load has failed.
    :param on_removal: called as ``on_removal(key, value, cause)`` once for each value that has left, in the thread
        whose call removed it, with nothing locked.  The cause is "expired" (past its ttl and windows, whoever came by
        then), "size" (evicted), "replaced" (written over, unless by the very same object) or "explicit" (``delete``,
        ``del``, ``pop``, ``popitem``, ``clear``).  It may use the cache.  What it raises goes to
        ``sys.unraisablehook``.  It is not called for what a cache holds when it is closed or collected, nor for values
        that were never kept.
    :param ttl: how long a value lives from its write; None: for ever; 0: nothing is kept, loads are still shared.
    :param jitter: random part of each lifetime, drawn at the write: 5 makes it ttl +- 5, (-5, 0) ttl - 5 to ttl,
        ``percent(10)`` ttl +- 10 %.  Keys written together then expire apart.
    :param refresh_ahead: how long before its expiry a value is reloaded in the background, at its next use; "auto":
        as long as loading it took, and a random part of that, so that processes that share an origin do not reload
        together (Vattani, Chierichetti, Lowenstein, VLDB 2015); at most half the lifetime.
    :param stale_while_revalidate: how long after its expiry a value is still served, while it is reloaded behind.
    :param stale_if_error: how long after its expiry a value is served if loading it fails.
    :param policy: what leaves a full cache: "adaptive" (what is used least, by how often and how recently; it stands
        scans and loops, and is the fastest), "lru" (exactly the least recently used) or "fifo" (exactly the oldest;
        a key that is written again keeps its age).  Expired values leave first.
    :param copy: what callers are handed of a value: None: the very object that is kept; "shallow" or "deep": a copy, as
        by ``copy.copy`` or ``copy.deepcopy``; or what this function of one argument returns, called in the caller's
        thread (for ``refresh``, in that which loads) with nothing locked.  Also the caller whose loader made it gets a
        copy.  What is written is kept itself, and what is removed is handed over itself.  Copying has its price; a hit
        then takes several times as long.
    :param coalesce: False: callers do not wait for each other's loads, but each runs its own loader, and the value that
        comes first is kept.
    :param max_load_time: when a load has taken so long, the next caller starts another one, those who wait join it,
        and what the old one brings is kept only until then; no third load of a key is started but by callers who
        ``force`` theirs or do not share (``coalesce=False``).  A wait for a place is no part of the load.  None: never.
    :param max_concurrent_loads: most loads at a time, whatever their keys, refreshes included; None: no bound.  A
        caller beyond it gets an old value if one may be served, else waits; a refresh beyond it is dropped.  A load
        that asks for another key has its place already.
    :param negative_ttl: how long it is remembered that the loader raised one of ``negative``; callers then get a copy
        of that exception, with the attributes ``cached``, which is True, and ``retry_in``, the seconds from then on in
        which the key is not tried again.  0: not at all.  Either way it removes an old value.
    :param negative: exceptions by which a loader says that there is no value.
    :param error_ttl: how long at most any other exception of a loader (of ``stale_on`` and not ``fatal``) is remembered
        where there is no old value, and half of that at least; twice as long each time in a row, up to the ttl and to
        60 s; callers get copies of it with ``cached`` and ``retry_in``.  0: not at all.
    :param uncacheable_ttl: how long, after a load whose value was not to be kept, callers do not wait for each other.
    :param negative_maxsize: most keys remembered for these three reasons; None: a tenth of ``maxsize``, or 10,000.
    :param none_ttl: ttl of values that are None; 0: they are not kept; ``...``: as any other's.
    :param stale_on: exceptions in whose place an old value may be served.
    :param fatal: of these, those that are raised all the same.
    :param with_context: of ``cached`` only: the function is also passed ``ctx=``, a ``LoadContext``.
    :param executor: a ``concurrent.futures.Executor`` that reloads in the background instead of threads of the cache's
        own.  Either way a reload sees an empty context (``contextvars``).
    :param refresh_workers: most threads that reload in the background; None: min(4, processors).
    :param refresh_queue: most reloads waiting for such a thread; further ones are dropped and tried again later.
    :param refresh_batch_delay: how long reloads in the background that share a loader of several keys are gathered,
        to be loaded together (at most ``max_batch`` keys, or 100); what callers wait for is never delayed.
    :param seed: of the random draws, for tests.
    :param clock: "monotonic"; "boottime", which goes on while the machine is suspended and costs each hit an exact
        reading; or a ``fastcache.testing.MovableClock``.
    :param name: shown in repr and thread names.

    Raises TypeError or ValueError, naming the parameter and the value.  No loader, weigher, listener, ``__eq__``,
    ``__hash__`` or ``__del__`` ever runs under one of the cache's locks.
    """

    __slots__ = ("_bulkhead", "_maxsize", "_options")

    def __init__(
        self,
        maxsize: int | None = None,
        ttl: Seconds | None = None,
        *,
        max_weight: int | None = None,
        weigher: Weigher | None = None,
        on_removal: Callable[[K, V, RemovalCause], object] | None = None,
        jitter: Jitter = 0,
        refresh_ahead: RefreshAhead = 0,
        stale_while_revalidate: Seconds = 0,
        stale_if_error: Seconds = 0,
        policy: EvictionPolicy = "adaptive",
        copy: Copy = None,
        coalesce: bool = True,
        max_load_time: Seconds | None = 60,
        max_concurrent_loads: int | None = None,
        negative_ttl: Seconds = 0,
        negative: ErrorTypes = NotFound,
        error_ttl: Seconds = 0,
        uncacheable_ttl: Seconds = 0,
        negative_maxsize: int | None = None,
        none_ttl: Seconds | EllipsisType | None = ...,
        stale_on: ErrorTypes = Exception,
        fatal: ErrorTypes = (),
        with_context: bool = False,
        executor: Executor | None = None,
        refresh_workers: int | None = None,
        refresh_queue: int = 64,
        refresh_batch_delay: Seconds = 0.01,
        seed: int | None = None,
        clock: Clock = "monotonic",
        name: str | None = None,
    ) -> None:
        check_count("refresh_workers", refresh_workers, optional=True)
        check_count("refresh_queue", refresh_queue)
        if not (name is None or isinstance(name, str)):
            raise TypeError(f"name must be a str or None, not {name!r}")
        batch_delay = nanoseconds("refresh_batch_delay", refresh_batch_delay) / 1e9
        stored: dict[str, Any] = {
            "maxsize": maxsize,
            "ttl": ttl,
            "jitter": jitter,
            "refresh_ahead": refresh_ahead,
            "stale_while_revalidate": stale_while_revalidate,
            "stale_if_error": stale_if_error,
            "policy": policy,
            "seed": seed,
            "clock": clock,
            "max_weight": max_weight,
            "weigher": weigher,
            "on_removal": on_removal,
            "copy": copy,
            "max_load_time": max_load_time,
            "negative_ttl": negative_ttl,
            "error_ttl": error_ttl,
            "uncacheable_ttl": uncacheable_ttl,
            "negative_maxsize": negative_maxsize,
        }
        loading: dict[str, Any] = {
            "coalesce": coalesce,
            "with_context": with_context,
            "none_ttl": none_ttl,
            "negative": negative,
            "stale_on": stale_on,
            "fatal": fatal,
            "max_concurrent_loads": max_concurrent_loads,
        }
        behind: dict[str, Any] = {
            "executor": executor,
            "refresh_workers": refresh_workers,
            "refresh_queue": refresh_queue,
            "refresh_batch_delay": refresh_batch_delay,
            "name": name,
        }
        checked = settings(**stored)
        loads = load_settings(**loading, log=RefreshLog(name or hex(id(self))))
        executor = checked_executor(executor)
        self._configure(checked)
        self._configure_loading(loads)
        self._maxsize = maxsize
        self._ttl = ttl
        # For copies: what is not as usual.
        given = {**stored, **loading, **behind}
        self._options = {name: value for name, value in given.items() if value is not USUAL[name]}
        self._bulkhead = loads.bulkhead
        self._configure_background(
            executor, refresh_workers or min(4, os.cpu_count() or 1), refresh_queue, batch_delay, name
        )
        register(self)

    # ---- the rest of a mutable mapping ----

    def keys(self) -> Keys[K]:
        """The unexpired keys, as a set that follows the cache."""
        return Keys(self)

    def values(self) -> Values[V]:
        """The unexpired values, as a collection that follows the cache."""
        return Values(self)

    def items(self) -> Items[K, V]:
        """The unexpired pairs, as a set that follows the cache."""
        return Items(self)

    def update(self, other: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (), /, **more: Any) -> None:
        """Writes all pairs, one after the other."""
        pairs: Any = other
        if isinstance(other, Cache):
            # What expires on the way is left out.
            pairs = other.items()
        elif hasattr(other, "keys"):
            pairs = ((key, other[key]) for key in other.keys())  # type: ignore[index]  # noqa: SIM118 - may not be iterable
        for key, value in pairs:
            self[key] = value
        for name, value in more.items():
            self[name] = value  # type: ignore[index]

    # Entries have no order.
    __reversed__ = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy or pickle is made as this cache was, and holds the values with what is left of their lives."""
        from fastcache._duplicate import items_of

        return empty, (type(self), getattr(self, "_options", {})), (items_of(self), getattr(self, "__dict__", {}))

    def __setstate__(self, state: tuple[list[Item], dict[str, Any]]) -> None:
        from fastcache._duplicate import resume

        resume(self, state[0])
        for name, value in state[1].items():
            setattr(self, name, value)

    def __deepcopy__(self: C, memo: dict[int, Any]) -> C:
        # The options stay the same objects: executors and clocks are shared, not copied.
        from copy import deepcopy

        make, made_of, state = self.__reduce__()
        made: C = make(*made_of)
        memo[id(self)] = made
        made.__setstate__(deepcopy(state, memo))
        return made

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<{type(self).__name__}{name}: {len(self)} of {self._maxsize or 'unbounded'}>"

    def namespace(self, name: str, /) -> Namespace[Any, Any]:
        """A view of the entries under that name, which can be cleared in one step."""
        from fastcache._namespace import Namespace

        return Namespace(self, name)

    # ---- seeing ----

    def get_entry(self, key: K) -> Entry | None:
        """The value of ``key`` with its age and the state of its loads; None if there is none that could be served.

        It leaves no trace: no counter, no eviction order, no refresh.
        """
        from fastcache._stats import Entry

        found = self._look(key)
        return None if found is None else Entry(*found)

    def stats(self) -> Stats:
        """The counters as they are now."""
        from fastcache._histogram import Histogram
        from fastcache._stats import Stats

        counts, entries, weight = self._counts()
        load_times, wait_times, hit_ages = map(Histogram, self._histograms())
        return Stats(
            **counts, load_times=load_times, wait_times=wait_times, hit_ages=hit_ages, entries=entries, weight=weight
        )

    def cache_info(self) -> CacheInfo:
        """(hits, misses, maxsize, currsize) as of functools; stale hits are hits."""
        from fastcache._stats import CacheInfo

        counts, _, _ = self._counts()
        return CacheInfo(counts["hits"] + counts["stale_hits"], counts["misses"], self._maxsize, len(self))

    def flights(self) -> list[FlightInfo]:
        """The loads under way now that their key knows of.

        Not those that something took their key from: a removal, a write, or a load that began by ``force``; who waits
        for one still does.  But those that took longer than ``max_load_time``, with the load that took their place.
        """
        from fastcache._stats import FlightInfo

        return [FlightInfo(*flight) for flight in self._flights()]


USUAL: dict[str, Any] = {"maxsize": None, "ttl": None, **(Cache.__init__.__kwdefaults__ or {})}

MutableMapping.register(Cache)


def empty(cls: type[C], options: dict[str, Any]) -> C:
    """A cache as another was made; of a subclass, without its ``__init__``, as copies of any object are made."""
    made = cls.__new__(cls)
    Cache.__init__(made, **options)
    return made
