"""``@cachedmethod``: a method whose results are kept in a mapping that is found through its object."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from fastcache._single import SingleFlight
from fastcache._stats import CacheInfo
from fastcache.compat.cachetools.info import Counts
from fastcache.compat.cachetools.keys import methodkey
from fastcache.compat.cachetools.memo import Memo

R = TypeVar("R")

# Where an object keeps the wrappers of methods that its class overrides; the name that cachetools gives it.
OVERRIDDEN = "__cachetools_cachedmethods"
OUTERMOST = (
    "a @cachedmethod cannot be called itself: it must be the outermost decorator, and goes neither with a class method "
    "nor with a static method or a property"
)


class CachedMethod(Memo[R]):
    """A cached method of one object.  It lies in the object's ``__dict__`` once it has been looked up."""

    def __init__(self, instance: object, descriptor: Descriptor[R]) -> None:
        functools.update_wrapper(self, descriptor.__wrapped__)
        method = functools.partial(descriptor.__wrapped__, instance)
        super().__init__(method, descriptor.flights, Counts() if descriptor.info else None)
        self._instance = instance
        self._descriptor = descriptor
        self.cache_key = functools.partial(descriptor.key, instance)

    @property
    def cache(self) -> Any:
        return self._descriptor.cache(self._instance)

    @property
    def cache_lock(self) -> Any:
        lock = self._descriptor.lock
        # The condition has the lock then.
        return self.cache_condition if lock is None else lock(self._instance)

    @property
    def cache_condition(self) -> Any:
        condition = self._descriptor.condition
        return None if condition is None else condition(self._instance)

    def __reduce__(self) -> tuple[Any, ...]:
        # Of a copied object: made anew, with nothing counted.
        return self._descriptor.__get__, (self._instance,)

    def __repr__(self) -> str:
        return f"<cachedmethod {self._descriptor.__wrapped__!r} of {object.__repr__(self._instance)}>"


class CountingMethod(CachedMethod[R]):
    """One with ``cache_info``."""

    def cache_info(self) -> CacheInfo:
        """(hits, misses, maxsize, currsize) since the last ``cache_clear``; hits and misses are this object's."""
        return self._info()


class Unbound(Generic[R]):
    """What the class has under the method's name: called with an object first, or named as the method names it."""

    def __init__(self, descriptor: Descriptor[R]) -> None:
        functools.update_wrapper(self, descriptor.__wrapped__)
        self._descriptor = descriptor

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._descriptor.__get__(instance)

    def __call__(self, /, *args: Any, **kwargs: Any) -> R:
        if args:
            instance, *args = args  # type: ignore[assignment]
        else:
            instance = self._named_instance(kwargs)
        result: R = self._descriptor.__get__(instance)(*args, **kwargs)
        return result

    def _named_instance(self, kwargs: dict[str, Any]) -> Any:
        first = next(iter(inspect.signature(self._descriptor.__wrapped__).parameters.values()), None)
        if first is None or first.kind is not first.POSITIONAL_OR_KEYWORD or first.name not in kwargs:
            raise TypeError("a @cachedmethod was called through its class without an instance")
        return kwargs.pop(first.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._descriptor.__get__, (None,)

    def __copy__(self) -> Unbound[R]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Unbound[R]:
        return self

    def __repr__(self) -> str:
        return f"<cachedmethod {self._descriptor.__wrapped__!r}>"


class Descriptor(Generic[R]):
    """What ``@cachedmethod`` puts into the class."""

    __wrapped__: Callable[..., R]

    def __init__(
        self,
        method: Callable[..., R],
        cache: Callable[[Any], Any],
        key: Callable[..., Hashable],
        lock: Callable[[Any], Any] | None,
        condition: Callable[[Any], Any] | None,
        info: bool,
    ) -> None:
        functools.update_wrapper(self, method)
        self.cache = cache
        self.key = key
        self.lock = lock
        self.condition = condition
        self.info = info
        self.flights = SingleFlight()
        self._unbound = Unbound(self)
        self._owner: type | None = None
        self._name: str | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        if self._name is None:
            self._owner, self._name = owner, name
        elif name != self._name:
            raise TypeError(f"a @cachedmethod cannot have two names, {self._name!r} and {name!r}")

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        name = self._name
        if name is None:
            # Before 3.13 a classmethod asks like this, without having passed the name on.
            raise TypeError(OUTERMOST if isinstance(instance, type) else "a @cachedmethod was never given a name")
        if instance is None:
            return self._unbound
        attributes = getattr(instance, "__dict__", None)
        if attributes is None:
            raise TypeError(f"No '__dict__' attribute on {type(instance).__name__!r} instance to cache {name!r}")
        if self._is_in_force(instance, name):
            return self._keep(instance, attributes, name, self._made(instance))
        # Of a class that overrides the method; it is asked for by super().
        wrappers = self._keep(instance, attributes, OVERRIDDEN, {})
        found = wrappers.get(self)
        return wrappers.setdefault(self, self._made(instance)) if found is None else found

    def _is_in_force(self, instance: object, name: str) -> bool:
        return next((vars(cls)[name] for cls in type(instance).__mro__ if name in vars(cls)), None) is self

    def _keep(self, instance: object, attributes: Any, name: str, value: Any) -> Any:
        """What the object has under ``name``, ``value`` if it had nothing: of several threads the first decides."""
        try:
            return attributes.setdefault(name, value)
        except TypeError:
            raise TypeError(
                f"The '__dict__' attribute on {type(instance).__name__!r} instance does not support item assignment "
                f"for caching {self._name!r}"
            ) from None

    def _made(self, instance: object) -> CachedMethod[R]:
        return CountingMethod(instance, self) if self.info else CachedMethod(instance, self)

    def __call__(self, /, *args: Any, **kwargs: Any) -> R:
        raise TypeError(OUTERMOST)

    def __reduce__(self) -> tuple[Any, ...]:
        return _lookup, (self._owner, self._name)


def _lookup(owner: type, name: str) -> Any:
    return vars(owner)[name]


def cachedmethod(
    cache: Callable[[Any], Any],
    key: Callable[..., Hashable] = methodkey,
    lock: Callable[[Any], Any] | None = None,
    condition: Callable[[Any], Any] | None = None,
    info: bool = False,
) -> Callable[[Callable[..., R]], Descriptor[R]]:
    """Keeps the results of a method in the mapping ``cache(self)``.

    :param key: makes the key from a call's arguments, ``self`` included; the usual one leaves ``self`` out.
    :param lock: ``lock(self)`` is a context manager to guard that mapping with; one of this module needs none.
    :param condition: ``condition(self)`` is the same, at which callers of a key wait while it is computed.
    :param info: whether the method has ``cache_info``.

    Without ``lock`` and ``condition``, callers that share a mapping wait while a key of it is computed.  TypeError:
    ``cache`` is not callable; at the first use, the object has no ``__dict__`` that can be written.
    """
    if not callable(cache):
        raise TypeError(f"cache must be callable, not {cache!r}")

    def decorate(method: Callable[..., R]) -> Descriptor[R]:
        return Descriptor(method, cache, key, lock, condition, info)

    return decorate
