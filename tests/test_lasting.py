"""Cached functions that last as long as their modules need no counting of references, where threads run in parallel."""

from __future__ import annotations

import sys
import sysconfig

import pytest

from tests.harness.child import check_child

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

SNIPPET = """
    import gc, sys, weakref
    import fastcache
    from fastcache import cached

    def lasting(f):
        return sys.getrefcount(f) > 1_000_000

    @cached
    def bare(n):
        return n

    @cached(ttl=60)
    def with_options(n):
        return n

    @fastcache.cached(per_instance=True)
    def method(self):
        return 1

    def plain(n):
        return n

    later = cached(plain)
    of_lambda = cached(lambda n: n)
    of_builtin = cached(str.upper)

    def make():
        @cached
        def nested(n):
            return n
        return nested

    class Class:
        @cached
        def method(self):
            return 1

    print(lasting(bare), lasting(with_options))
    print([lasting(f) for f in (method, later, of_lambda, of_builtin, make(), Class.__dict__["method"])])
    bare(1), with_options(2), with_options(2)
    gc.collect()
    print(bare(1), with_options.cache_info()[:2])
    gone = weakref.ref(make())
    gc.collect()
    print(gone())
"""


@pytest.mark.skipif(FREE_THREADED and sys.version_info >= (3, 14), reason="there the count says nothing about it")
def test_only_what_a_module_defines_under_its_name_lasts() -> None:
    check_child(SNIPPET, out=f"{FREE_THREADED} {FREE_THREADED}\n{[False] * 6}\n1 (1, 1)\nNone")
