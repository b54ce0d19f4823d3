"""Importing fastcache brings in little: no framework, and nothing of the standard library that takes long."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastcache
from fastcache._fork import LATE as LATE_BEFORE_FORKS
from tests.harness.child import check_child, run_child

SRC = Path(fastcache.__file__).parent
HERE = str(SRC.parent)
# What it imports itself, and what that brings in on one Python or another; underscored ones aside.
STANDARD = (
    "atexit collections contextlib contextvars copyreg errno functools genericpath itertools keyword "
    f"operator os {os.path.__name__} reprlib stat threading types warnings weakref"
).split()
# Its own that most programs do not need, each with what it would bring in.
LATE = {
    "fastcache._aio": "asyncio",
    "fastcache._bulkhead": "nothing but itself",
    "fastcache._clru_cache": "typing",
    "fastcache._copies": "copy",
    "fastcache._duplicate": "typing",
    "fastcache._lru_cache": "typing",
    "fastcache._memo": "typing",
    "fastcache._methods": "nothing but itself",
    "fastcache._namespace": "nothing but itself",
    "fastcache._policy": "nothing but itself",
    "fastcache._renewal": "typing",
    "fastcache._single": "typing",
    "fastcache._sizes": "nothing but itself",
    "fastcache._stats": "typing",
    "fastcache._types": "typing",
    "fastcache._task_loads": "asyncio",
    "fastcache._options": "nothing but itself",
    "fastcache.compat": "the stand-ins",
    "fastcache.testing": "what tests need",
}


def imported(*, statement: str) -> list[str]:
    """The modules that a statement brings in, in a Python without site, which may have brought some in before."""
    child = run_child(
        f"import sys; sys.path.insert(0, {HERE!r}); before = set(sys.modules)\n{statement}\n"
        "print(*sorted(set(sys.modules) - before))",
        options=("-S", "-W", "error"),
    )
    assert (child.code, child.err) == (0, "")
    return child.out.split()


def test_importing_fastcache_imports_only_these() -> None:
    found = imported(statement="import fastcache")
    tops = {name.partition(".")[0] for name in found if not name.startswith("_")}
    assert tops - {"fastcache", "cython_runtime"} <= set(STANDARD)
    assert [name for name in found if name.startswith(tuple(LATE))] == []


def test_decorating_imports_no_more() -> None:
    snippet = "import fastcache\n@fastcache.cached(ttl=60)\ndef f(x): return x\nassert f(1) == f(1)"
    assert imported(statement=snippet) == imported(statement="import fastcache")


def test_the_usual_operations_import_no_more() -> None:
    # Whatever a handler or finalizer interrupts by them, and however early, they meet no module that is half there.
    snippet = """import fastcache
cache = fastcache.Cache(10, 60, refresh_ahead=50, stale_while_revalidate=5, negative_ttl=5)
assert cache.get_or_load("k", str) == cache["k"] == cache.get("k") == cache.setdefault("k") == "k"
assert cache.get_many_or_load(["k", "l"], lambda keys: {key: key for key in keys}) == dict(cache)
cache.set("m", "m", ttl=5, tags=["t"])
cache.set_many({"n": "n"})
cache.update(o="o")
assert sorted(cache) == sorted(cache.keys()) == sorted(cache.values()) == [key for key, _ in sorted(cache.items())]
assert cache.get_many("kl") and "n" in cache and len(cache) == 5
assert cache.expire("k") and cache.delete("l") and cache.pop("n") == "n" and cache.invalidate_tag("t") is None
cache.clear()
cache.close()"""
    assert imported(statement=snippet) == imported(statement="import fastcache")


def test_what_comes_late_comes_when_it_is_used() -> None:
    check_child(
        """
        import asyncio, datetime
        from concurrent.futures import ThreadPoolExecutor
        import fastcache

        async def load(key):
            return key

        with ThreadPoolExecutor(1) as pool:
            minute, second = datetime.timedelta(minutes=1), datetime.timedelta(seconds=1)
            cache = fastcache.Cache(10, minute, jitter=(-second, second), executor=pool)
            assert asyncio.run(cache.aget_or_load("k", load)) == "k"
            assert cache.refresh("k", str).result() == "k"
            assert cache.warm(["k", "l"], str).loaded == 1
            assert asyncio.run(fastcache.lru_cache(load)(1)) == 1
        """
    )


def test_all_public_names_are_there_whenever_they_are_asked_for() -> None:
    check_child(
        """
        import fastcache
        assert set(fastcache.__all__) <= set(dir(fastcache))
        from fastcache import *
        for name in fastcache.__all__:
            assert globals()[name] is getattr(fastcache, name) is vars(fastcache)[name]
        """
    )


def test_a_name_that_is_not_there_is_told() -> None:
    with pytest.raises(AttributeError, match=r"^module 'fastcache' has no attribute 'lfu_cache'$"):
        _ = fastcache.lfu_cache  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("use", "held"),
    [
        ("fastcache.Cache().stats()", "typing"),
        ("fastcache.Cache().stats()", "fastcache._stats"),
        ("fastcache.lru_cache", "fastcache._lru_cache"),
        ("", "fastcache._decorator"),
    ],
)
def test_what_comes_late_may_come_in_the_child_of_a_fork_that_overtook_its_import(use: str, held: str) -> None:
    check_child(
        f"""
        import signal, sys, threading
        from tests.harness.overtaking import Held, fork_amid

        def use():
            import fastcache
            {use}

        if {bool(use)}:
            import fastcache
        sys.modules.pop("typing", None)
        held = Held("{held}")
        importer = threading.Thread(target=use)
        importer.start()
        held.begun.wait()
        fork_amid(importer, held.let, lambda: (signal.alarm(10), use()))
        """
    )


def test_all_that_may_come_late_is_imported_before_a_fork() -> None:
    known = {name for names in LATE_BEFORE_FORKS.values() for name in names.split()}
    assert {f"fastcache.{module}" for module in fastcache._LATE.values()} <= known
    # Whoever imports logging needs its lock, which may be taken before a fork.
    there = {*imported(statement="import fastcache"), "importlib", "warnings", "logging"}
    for path in (SRC / name for name in os.listdir(SRC) if name.endswith(".py") and name != "__main__.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for name in late_of(function):
                    assert name in known | there, path


def test_a_fork_imports_nothing_unless_there_are_other_threads() -> None:
    fork = "if child := os.fork(): os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    assert "fastcache._stats" not in imported(statement=f"import fastcache, os\n{fork}")
    other = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
    found = imported(statement=f"import fastcache, os, threading; {other}\n{fork}")
    assert set(LATE_BEFORE_FORKS["sys"].split()) <= set(found)


@pytest.mark.parametrize("order", ["logging, fastcache", "fastcache, logging"])
@pytest.mark.parametrize("late", ["asyncio", "concurrent.futures", "fastcache._aio", "fastcache._renewal"])
def test_a_fork_waits_for_no_import_that_waits_for_the_fork(order: str, late: str) -> None:
    check_child(
        f"""
        import threading
        import {order}
        from tests.harness.overtaking import Held, fork_amid

        # It is about to ask for a logger, which takes the lock of logging.
        held = Held("concurrent.futures._base")
        importer = threading.Thread(target=__import__, args=("{late}",))
        importer.start()
        while importer.is_alive() and not held.begun.wait(0.01):
            pass
        fork_amid(importer, held.let)
        """
    )


def test_a_fork_does_not_wait_for_an_import_of_logging() -> None:
    check_child(
        """
        import os, sys, threading
        import fastcache
        from tests.harness.overtaking import fork_amid
        assert "logging" not in sys.modules
        begun, let = threading.Event(), threading.Event()
        register = os.register_at_fork

        def held(**functions):
            register(**functions)
            # Its lock is taken by a fork from now on, and it goes on to take it.
            begun.set()
            let.wait()

        os.register_at_fork = held
        importer = threading.Thread(target=__import__, args=("logging",))
        importer.start()
        begun.wait()
        fork_amid(importer, let, register=register)
        """
    )


def test_an_interrupt_amid_a_fork_keeps_nothing_from_being_imported() -> None:
    check_child(
        """
        import os, sys, threading
        import fastcache

        class Interrupted:
            interrupts = 0

            def find_spec(self, name, path=None, target=None):
                if name == "fastcache._duplicate" and not self.interrupts:
                    self.interrupts += 1
                    raise KeyboardInterrupt

        told = []
        sys.unraisablehook = told.append
        sys.meta_path.insert(0, Interrupted())
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        child = os.fork()
        if not child:
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert [event.exc_type for event in told] == [KeyboardInterrupt]
        assert {"fastcache._duplicate", "fastcache._types"} <= set(sys.modules)
        """
    )


def late_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The modules that are imported in its body."""
    for node in ast.walk(function):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = str(node.module)
            yield from (f"fastcache.{name.name}" for name in node.names) if module == "fastcache" else (module,)
