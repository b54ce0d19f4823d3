"""@cached(per_instance=True): a cache for each instance, known by identity and no reason for it to live."""

from __future__ import annotations

import copy
import gc
import threading
import weakref
from typing import Any

import pytest

from fastcache import cached
from tests.harness.child import check_child
from tests.harness.gates import Call, HeldLoader, all_at_once


class Apart:
    """Methods with a cache for each instance; all instances are equal, and none can be hashed."""

    __hash__ = None

    def __init__(self, name: object = "") -> None:
        self.name = name
        self.calls: list[Any] = []

    def __eq__(self, other: object) -> bool:
        return True

    @cached(per_instance=True)
    def method(self, *args: Any, **kwargs: Any) -> object:
        """Its words."""
        self.calls.append((args, kwargs))
        return self.name, len(self.calls)

    @cached(per_instance=True, key=lambda text: text.lower())
    def keyed(self, text: str) -> str:
        return text


class ApartInSlots:
    """The same without a ``__dict__``."""

    __slots__ = ("__weakref__", "name")

    def __init__(self, name: object) -> None:
        self.name = name

    @cached(per_instance=True)
    def method(self, argument: object) -> tuple[object, object]:
        return self.name, argument


def test_equal_instances_are_apart() -> None:
    a, b = Apart("a"), Apart("b")
    assert [a.method(1), b.method(1), a.method(1), a.method(2)] == [("a", 1), ("b", 1), ("a", 1), ("a", 2)]
    assert Apart.method(a, 1) == ("a", 1)


def test_call_shapes_do_not_include_self() -> None:
    a = Apart("a")
    shapes: list[Any] = [
        lambda: a.method(), lambda: a.method(1), lambda: a.method((1,)), lambda: a.method(b=1),
        lambda: a.method("b", 1), lambda: a.method(1, b=1), lambda: a.method(1, 1), lambda: a.method("x"),
    ]  # fmt: skip
    assert [("a", number) for number in range(1, 9)] == [shape() for shape in shapes]
    assert [("a", number) for number in range(1, 9)] == [shape() for shape in shapes]


def test_key_functions_see_the_arguments_without_self() -> None:
    a = Apart()
    assert [a.keyed("A"), a.keyed("a"), a.keyed("b")] == ["A", "A", "b"]
    assert sorted(a.keyed.cache) == ["a", "b"]


def test_tools_belong_to_the_instance() -> None:
    a, b = Apart("a"), Apart("b")
    a.method(1), b.method(1)
    assert (a.method.cache_info().misses, b.method.cache_info().misses) == (1, 1)
    assert a.method.cache_contains(a, 1)
    a.method.cache_clear()
    assert (a.method.cache_contains(a, 1), b.method.cache_contains(b, 1)) == (False, True)
    assert ("a", 2) == a.method.cache_refresh(a, 1) == a.method(1)
    assert b.method.cache_invalidate(b, 1)
    assert b.method(1) == ("b", 2)


def test_who_leaves_the_instance_out_is_told() -> None:
    a = Apart()
    for call in (a.method.__func__, a.method.cache_contains):
        with pytest.raises(TypeError, match="without the 1 leading arguments that it is bound to"):
            call()
    assert (a.calls, len(a.method.cache)) == ([], 0)


def test_an_instance_is_freed_with_its_last_reference() -> None:
    gc.disable()
    try:
        a = Apart()
        alive = weakref.ref(a)
        a.method(1)
        cache = weakref.ref(a.method.cache)
        assert cache() is not None
        del a
        assert (alive(), cache()) == (None, None)
    finally:
        gc.enable()


def test_results_may_hold_the_instance() -> None:
    class Node:
        @cached(per_instance=True)
        def me(self) -> Node:
            return self

    node = Node()
    alive = weakref.ref(node)
    assert node.me() is node
    del node
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("cls", [Apart, ApartInSlots])
def test_a_reused_id_never_gives_anothers_result(cls: type[Any]) -> None:
    seen = set()
    for number in range(10_000):
        short_lived = cls(number)
        seen.add(id(short_lived))
        assert short_lived.method(1)[0] == number
        del short_lived
    assert len(seen) < 10_000, "no id was reused, so nothing was tested"


COPIED = """
import copy, pickle
from tests.test_per_instance import Apart

a = Apart("a")
assert a.method(1) == ("a", 1)
b = {copied}
b.name = "b"
assert [b.method(1)[0], b.method(1)[0], a.method(1)[0]] == ["b", "b", "a"]
assert b.method.cache is not a.method.cache
"""


def test_a_copy_has_a_cache_of_its_own() -> None:
    check_child(COPIED.format(copied="copy.copy(a)"), limit=5)


@pytest.mark.parametrize("copied", ["copy.deepcopy(a)", "pickle.loads(pickle.dumps(a))"])
def test_a_deep_copy_or_pickle_has_a_cache_of_its_own(copied: str) -> None:
    check_child(COPIED.format(copied=copied), limit=5)


def test_a_copys_copy_where_the_original_was_has_a_cache_of_its_own() -> None:
    original = Apart("original")
    original.method(1)
    twin, place = copy.copy(original), id(original)
    twin.name = "copy"
    del original
    # Enough objects of this size that one lands where the original was.
    copies = []
    for _ in range(20_000):
        copies.append(copy.copy(twin))
        if id(copies[-1]) == place:
            assert copies[-1].method(1)[0] == "copy"
            return
    pytest.skip("this Python did not use the place again")


def test_threads_that_come_first_together_share_one_call() -> None:
    for _ in range(50):
        a = Apart("a")
        assert {("a", 1)} == {call.result() for call in all_at_once(8, a.method, 1)}


def test_instances_do_not_wait_for_each_other() -> None:
    class Held:
        def __init__(self) -> None:
            self.loader = HeldLoader("held")

        @cached(per_instance=True)
        def method(self, key: object) -> str:
            return self.loader(key)

    first, second = Held(), Held()
    slow = Call(first.method, 1)
    first.loader.gate.reached()
    second.loader.gate.open()
    assert Call(second.method, 1).result() == "held"
    first.loader.gate.open()
    assert slow.result() == "held"


def test_slots_without_weakref_are_refused_clearly() -> None:
    class Slotted:
        __slots__ = ("name",)

        @cached(per_instance=True)
        def method(self) -> int:
            return 1

    class Referable:
        __slots__ = ("__weakref__",)

        @cached(per_instance=True)
        def method(self) -> int:
            return 1

    with pytest.raises(TypeError, match=r"'__weakref__' to the __slots__ of .*Slotted"):
        Slotted().method()
    assert Referable().method() == 1


def test_of_subclasses_and_overridden_methods_are_apart() -> None:
    class Sub(Apart):
        @cached(per_instance=True)
        def method(self, *args: Any, **kwargs: Any) -> object:
            return "sub", super().method(*args, **kwargs)

    sub = Sub("x")
    assert [sub.method(1), sub.method(1)] == [("sub", ("x", 1))] * 2
    assert len(sub.calls) == 1


def test_short_lived_instances_in_many_threads() -> None:
    line = threading.Barrier(4, timeout=10)

    def work(thread: int) -> None:
        line.wait()
        for number in range(1000):
            assert ((thread, number), 1) == Apart((thread, number)).method("k")

    for call in [Call(work, thread) for thread in range(4)]:
        call.result()
