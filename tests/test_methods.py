"""@cached on methods, with one cache for all instances; and what a cached method still is."""

from __future__ import annotations

import inspect
from typing import Any

from fastcache import cached
from tests.test_per_instance import Apart


class Shared:
    """Methods whose instances are told apart by equality."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: list[Any] = []

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shared) and self.name == other.name

    @cached(maxsize=None)
    def method(self, *args: Any, **kwargs: Any) -> str:
        """Its words."""
        self.calls.append((args, kwargs))
        return f"{self.name} {len(self.calls)}"

    @staticmethod
    @cached
    def static(argument: object) -> list[object]:
        return [argument]

    @classmethod
    @cached
    def of_class(cls, argument: object) -> tuple[type, object]:
        return cls, argument

    @cached
    @staticmethod
    def cached_static(argument: object) -> list[object]:
        return [argument]


def test_shared_equal_instances_share_and_others_do_not() -> None:
    a, twin, b = Shared("a"), Shared("a"), Shared("b")
    assert [a.method(1), twin.method(1), b.method(1), a.method(2)] == ["a 1", "a 1", "b 1", "a 2"]
    assert twin.calls == []
    Shared.method.cache_clear()


def test_shared_tools_take_self() -> None:
    a = Shared("tools")
    assert a.method(1, b=2) == "tools 1"
    assert Shared.method.cache_contains(a, 1, b=2)
    assert Shared.method.cache_invalidate(a, 1, b=2)
    assert "tools 2" == Shared.method.cache_refresh(a, 1, b=2) == a.method(1, b=2) == Shared.method(a, 1, b=2)
    Shared.method.cache_clear()


def test_a_method_is_still_itself() -> None:
    for owner in (Shared, Apart):
        assert ("method", f"{owner.__name__}.method", "Its words.") == (
            owner.method.__name__, owner.method.__qualname__, owner.method.__doc__,
        )  # fmt: skip
        assert str(inspect.signature(owner.method)).split(" ->")[0] == "(self, *args: 'Any', **kwargs: 'Any')"
        assert inspect.isfunction(owner.method.__wrapped__)
        bound = owner("x").method
        assert inspect.ismethod(bound)
        assert bound.__name__ == "method"


def test_static_and_class_methods_work() -> None:
    class Sub(Shared):
        pass

    a = Shared("a")
    assert a.static(1) is Shared.static(1) is Sub.static(1)
    assert [(Shared, 1), (Sub, 1), (Shared, 1)] == [a.of_class(1), Sub.of_class(1), Shared.of_class(1)]
    assert Shared.of_class.__func__.cache_info().misses == 2
