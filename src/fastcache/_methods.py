"""Methods with a cache for each instance, which does not keep the instance alive."""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Callable

from fastcache._core.function import CachedFunction
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_NOT_REFERENCED = "per_instance needs instances that can be weakly referenced; add '__weakref__' to the __slots__ of {}"


class Held:
    """What an instance's ``__dict__`` holds of one cached method: its function, and whose it is."""

    __slots__ = ("descriptor", "function", "owner")

    def __init__(self, descriptor: PerInstance, owner: weakref.ref[Any], function: CachedFunction[..., Any]) -> None:
        self.descriptor = descriptor
        self.owner = owner
        self.function = function

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        # A pickle or deep copy of the instance starts with an empty cache.
        return forgotten, ()


def forgotten() -> None:
    """What a copied ``Held`` becomes."""


class PerInstance:
    """A descriptor that binds a method of an instance to that instance's own cached function.

    The instance's ``__dict__`` holds the function, so that the collector sees results that refer to the instance.
    Instances without one are known by weak reference.  All are told apart by identity, whatever their ``__eq__``
    and ``__hash__`` say.
    """

    def __init__(self, function: Callable[..., Any], make: Callable[[], CachedFunction[..., Any]]) -> None:
        self._make = make
        self._name = f"_fastcache_{getattr(function, '__qualname__', id(self))}"
        # Of instances without a __dict__, by id; an entry leaves when its instance dies, before its id is used again.
        self._others: dict[int, tuple[weakref.ref[Any], CachedFunction[..., Any]]] = {}
        functools.update_wrapper(self, function)

    def __reduce__(self) -> str:
        # By its place in its module, as functions are.
        name: str = self.__qualname__  # type: ignore[attr-defined]
        return name

    def __copy__(self) -> PerInstance:
        return self

    def __deepcopy__(self, memo: object) -> PerInstance:
        return self

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self._of(instance), instance)

    def __call__(self, instance: object, /, *args: Any, **kwargs: Any) -> Any:
        return self._of(instance)(instance, *args, **kwargs)

    def _of(self, instance: object) -> CachedFunction[..., Any]:
        attributes = getattr(instance, "__dict__", None)
        # A class has a __dict__ too, but one that cannot be written.
        if type(attributes) is not dict:
            return self._of_slotted(instance)
        held = attributes.get(self._name)
        if type(held) is Held and held.owner() is instance and held.descriptor is self:
            return held.function
        try:
            made = Held(self, weakref.ref(instance), self._make())
        except TypeError:
            raise TypeError(_NOT_REFERENCED.format(type(instance).__qualname__)) from None
        if held is not None or self._name in attributes:
            # A copy of an instance comes with its original's.
            attributes[self._name] = made
            return made.function
        # Of several threads that come here at once, the first decides.
        held = attributes.setdefault(self._name, made)
        return held.function if type(held) is Held else made.function

    def _of_slotted(self, instance: object) -> CachedFunction[..., Any]:
        found = self._others.get(id(instance))
        if found is not None and found[0]() is instance:
            return found[1]
        others, number = self._others, id(instance)

        def forget(dead: weakref.ref[Any]) -> None:
            found = others.get(number)
            if found is not None and found[0] is dead:
                del others[number]

        try:
            made = weakref.ref(instance, forget), self._make()
        except TypeError:
            raise TypeError(_NOT_REFERENCED.format(type(instance).__qualname__)) from None
        kept = others.setdefault(number, made)
        if kept[0]() is not instance:
            # Of an instance that died without being forgotten.
            others[number] = kept = made
        return kept[1]
