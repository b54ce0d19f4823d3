"""The classes of cachetools that know no time: mappings bounded by count or by size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, ClassVar, NamedTuple, TypeVar

from fastcache._config import EXACT_LIMIT, Settings, settings
from fastcache._core.mapping import adopt
from fastcache._core.movable import MovableClock
from fastcache._load_config import load_settings
from fastcache._stats import CacheInfo
from fastcache._types import EvictionPolicy
from fastcache._views import Items, Keys, Values
from fastcache.compat.cachetools.ordered import OrderedStore
from fastcache.compat.cachetools.timer import Timer

K = TypeVar("K")
V = TypeVar("V")
C = TypeVar("C", bound="Cache[Any, Any]")

NANOSECONDS = 10**9
MOST_WEIGHT = 2**62 - 1


class Terms(NamedTuple):
    """What a cache was made with, other than its ``getsizeof``."""

    maxsize: float
    lifetime: Any = None
    timer: Timer | None = None


@adopt
class Cache(OrderedStore[K, V]):
    """A mapping of bounded size, from which what was inserted first leaves first.

    :param maxsize: most that it holds: a number of items, or with ``getsizeof`` their total size; ``math.inf``: no
        bound but that of 16 million items, which all these classes have; 0: nothing can be kept.
    :param getsizeof: called as ``getsizeof(value)`` for each value that is written; an int of at least 0.

    ValueError: a negative ``maxsize``; from ``cache[key] = value``, "value too large", and then nothing has changed.

    Each operation is one step for all threads.  ``getsizeof``, ``__missing__``, and the keys' ``__eq__`` and
    ``__hash__`` never run under a lock.  Iteration sees the keys that there are when it begins, leaves out those that
    have gone when their turn comes, and is in the order of insertion until a key leaves; its place is given to a later
    one.
    """

    __slots__ = ("__dict__", "__weakref__", "_terms")

    _policy: ClassVar[EvictionPolicy] = "fifo"
    _quiet: ClassVar[bool] = False

    def __init__(self, maxsize: float, getsizeof: Callable[[V], int] | None = None) -> None:
        self._begin(Terms(maxsize), getsizeof)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = vars(cls)
        # As there, these methods are made of those that a subclass may have replaced.
        if "get" not in own and ("__getitem__" in own or "__contains__" in own):
            cls.get = _get_by_item  # type: ignore[method-assign, assignment]
        if "popitem" in own and cls.__setitem__ is OrderedStore.__setitem__:
            cls.__setitem__ = _set_by_popitem  # type: ignore[method-assign, assignment]

    def _begin(self, terms: Terms, getsizeof: Callable[[Any], int] | None) -> None:
        if terms.maxsize < 0:
            raise ValueError(f"maxsize must be non-negative, not {terms.maxsize!r}")
        if getsizeof is not None:
            self.getsizeof = getsizeof  # type: ignore[method-assign, assignment]
        self._terms = terms
        self._configure(self._settings(terms))
        self._configure_loading(load_settings())
        self._arrange_by(terms)

    def _arrange_by(self, terms: Terms) -> None:
        self._arrange(None, NANOSECONDS, None, self._quiet, self._closed)

    def _settings(self, terms: Terms) -> Settings:
        most = int(max(1, min(terms.maxsize, MOST_WEIGHT)))
        made = settings(
            # Of sizes some may be 0, but of items there can be no more.
            maxsize=EXACT_LIMIT if self._sized else min(most, EXACT_LIMIT),
            max_weight=most if self._sized else None,
            weigher=self._weigher() if self._sized else None,
            ttl=None,
            jitter=0,
            refresh_ahead=0,
            stale_while_revalidate=0,
            stale_if_error=0,
            policy=self._policy,
            seed=0,
            clock=MovableClock(0) if terms.timer is not None else "monotonic",
        )
        if self._closed:
            made.ttl = 0
        return made

    @property
    def _sized(self) -> bool:
        return self.getsizeof is not Cache.getsizeof

    @property
    def _closed(self) -> bool:
        return self._terms.maxsize < 1 and not self._sized

    def _weigher(self) -> Callable[[object, Any], int]:
        maxsize, getsizeof = self._terms.maxsize, self.getsizeof

        def weigh(_: object, value: Any) -> int:
            size = getsizeof(value)
            if size > maxsize:
                raise ValueError("value too large")
            if size < 0:
                raise ValueError("value size must be non-negative")
            return size

        return weigh

    @staticmethod
    def getsizeof(value: Any) -> int:
        """What a value counts against ``maxsize``; subclasses may replace it."""
        return 1

    @property
    def maxsize(self) -> float:
        return self._terms.maxsize

    @property
    def currsize(self) -> int:
        """What it holds now, counted as ``maxsize`` is."""
        if not self._sized:
            return len(self)
        self.sweep()
        return self._counts()[2]

    def cache_info(self) -> CacheInfo:
        """What all its readers together have found and missed."""
        counts, _, _ = self._counts()
        bound: Any = None if math.isinf(self.maxsize) else self.maxsize
        return CacheInfo(counts["hits"], counts["misses"], bound, self.currsize)

    # ---- the rest of a mutable mapping ----

    def keys(self) -> Keys[K]:
        return Keys(self)

    def values(self) -> Values[V]:
        return Values(self)

    def items(self) -> Items[K, V]:
        return Items(self)

    def update(self, other: Mapping[K, V] | Iterable[tuple[K, V]] = (), /, **more: Any) -> None:
        """Writes all pairs, one after the other."""
        update: Any = MutableMapping.update
        update(self, other, **more)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment]
    __reversed__ = None

    def __repr__(self) -> str:
        held = dict(self.items())
        return f"{type(self).__name__}({held!r}, maxsize={self.maxsize!r}, currsize={self.currsize!r})"

    # ---- copies ----

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy and a pickle hold the items with what is left of their lives, in the order in which they leave."""
        return _unborn, (type(self),), (self._terms, self.__dict__, self._leavers(), list(self))

    def __setstate__(self, state: tuple[Terms, dict[str, Any], list[tuple[K, V, int | None]], list[K]]) -> None:
        terms, attributes, leavers, keys = state
        self.__dict__.update(attributes)
        # Not the same timer: standing still is each cache's own affair.
        self._begin(terms._replace(timer=terms.timer and Timer(terms.timer._function)), None)
        if self._policy == "lru":
            # Written twice: where they lie follows from the first time, when they leave from the last.
            by_key = {key: (value, left) for key, value, left in leavers}
            for key in keys:
                if key in by_key:
                    self._restore(key, *by_key[key])
        for key, value, left in leavers:
            self._restore(key, value, left)


MutableMapping.register(Cache)


def _unborn(cls: type[C]) -> C:
    """A cache that ``__setstate__`` will set up."""
    born: Any = cls.__new__(cls)
    return born  # type: ignore[no-any-return]


def _get_by_item(self: Cache[Any, Any], key: Any, default: Any = None) -> Any:
    return self[key] if key in self else default  # noqa: SIM401 - this is get


def _set_by_popitem(self: Cache[Any, Any], key: Any, value: Any) -> None:
    """Makes room by ``popitem`` before writing, since a subclass has its own."""
    size = self.getsizeof(value) if self._sized else 1
    while 0 <= size <= self.maxsize < self.currsize + size - _size_of(self, key):
        self.popitem()
    OrderedStore.__setitem__(self, key, value)


def _size_of(self: Cache[Any, Any], key: Any) -> int:
    found = self._look(key)
    return 0 if found is None else self.getsizeof(found[0])


@adopt
class FIFOCache(Cache[K, V]):
    """A ``Cache`` from which what was written first leaves first: writing a key again makes it the youngest."""

    __slots__ = ()
    # The order of use, in which only writes count.
    _policy = "lru"
    _quiet = True


@adopt
class LRUCache(Cache[K, V]):
    """A ``Cache`` from which what was not read or written for the longest time leaves first."""

    __slots__ = ()
    _policy = "lru"
