"""The line of a bulkhead under gevent: who stands in it waits in the hub, and whoever has the places runs on."""

from __future__ import annotations

import os
import sys

import pytest

from tests.harness.greenlets import BOTH, REAL, play

pytest.importorskip("gevent", reason="gevent is not installed")

FULL = "cache = Cache(ttl=60, max_concurrent_loads=1)\n"


@BOTH
def test_who_stands_in_line_lets_those_run_who_have_the_places(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        others = [start(cache.get_or_load, key, str) for key in "lm"]
        many = start(cache.get_many_or_load, "no", lambda keys: {key: key for key in keys})
        gevent.sleep(0.01)
        print([call.ready() for call in (*others, many)], cache._bulkhead.waiting)
        go.set()
        print(outcome(leader), [outcome(call) for call in (*others, many)], cache._bulkhead.free)
        """,
        "[False, False, False] 3\nkk ['l', 'm', {'n': 'n', 'o': 'o'}] 1",
        before=FULL,
    )


@BOTH
def test_who_has_waited_long_enough_is_rejected_and_nobody_else(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        print(outcome(start(cache.get_or_load, "l", unexpected, wait_timeout=0.01)), leader.ready())
        other = start(cache.get_or_load, "l", str, wait_timeout=60)
        gevent.sleep(0)
        go.set()
        print(outcome(leader), outcome(other), cache._bulkhead.free)
        """,
        "LoadRejected False\nkk l 1",
        before=FULL,
    )


@BOTH
def test_a_place_that_a_thread_gives_back_goes_to_a_greenlet(first: str) -> None:
    play(
        first,
        """
        gate, loading = new_lock(), []
        gate.acquire()
        def held(key):
            loading.append(key)
            gate.acquire()
            return key * 2
        said = real_thread(cache.get_or_load, "k", held)
        await_here(lambda: loading)
        others = [start(cache.get_or_load, key, str) for key in "lm"]
        gevent.sleep(0.01)
        print(cache._bulkhead.waiting)
        gate.release()
        print([outcome(other) for other in others])
        await_with_others(lambda: said)
        print(said, cache._bulkhead.free)
        """,
        "2\n['l', 'm']\n['kk'] 1",
        before=REAL + FULL,
    )


@BOTH
def test_who_wants_what_another_stands_in_line_for_waits_for_it(first: str) -> None:
    play(
        first,
        """
        def load_many(keys):
            calls.append(keys)
            return {key: key for key in keys}
        leader = lead()
        first = start(cache.get_or_load, "l", str)
        many = start(cache.get_many_or_load, ["m", "n"], load_many)
        gevent.sleep(0)
        others = [start(cache.get_or_load, key, unexpected) for key in "lmn"]
        others.append(start(cache.get_many_or_load, ["l", "m"], unexpected))
        gevent.sleep(0)
        go.set()
        print([outcome(call) for call in (leader, first, many, *others)], calls, cache._bulkhead.free)
        """,
        "['kk', 'l', {'m': 'm', 'n': 'n'}, 'l', 'm', 'n', {'l': 'l', 'm': 'm'}] ['k', ['m', 'n']] 1",
        before=FULL,
    )


@BOTH
def test_who_is_killed_in_line_leaves_the_load_to_the_others(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        first = start(cache.get_or_load, "l", unexpected)
        gevent.sleep(0)
        other = start(cache.get_or_load, "l", str)
        gevent.sleep(0)
        first.kill()
        go.set()
        print([outcome(call) for call in (leader, first, other)], cache._bulkhead.free, cache._bulkhead.waiting)
        """,
        "['kk', 'GreenletExit', 'l'] 1 0",
        before=FULL,
    )


@BOTH
def test_who_is_killed_as_he_is_admitted_gives_the_place_back(first: str) -> None:
    play(
        first,
        """
        cache._bulkhead.try_enter()
        admitted, next_one = start(cache.get_or_load, "l", unexpected), start(cache.get_or_load, "m", str)
        gevent.sleep(0)
        admitted.kill(block=False)
        # As a load that ends does, before what was thrown has come out.
        cache._bulkhead.leave()
        print(cache._bulkhead.waiting, cache._bulkhead.free)
        print([outcome(call) for call in (admitted, next_one)], cache._bulkhead.free, cache.flights())
        """,
        "1 0\n['GreenletExit', 'm'] 1 []",
        before=FULL,
    )


@BOTH
def test_who_stood_in_line_does_so_in_the_child_of_a_fork(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        others = [start(cache.get_or_load, key, str) for key in "lm"]
        gevent.sleep(0.01)
        pid = gevent.os.fork()
        if not pid:
            signal.alarm(20)
            go.set()
            assert [outcome(call) for call in (leader, *others)] == ["kk", "l", "m"]
            assert (cache._bulkhead.free, cache._bulkhead.waiting, cache.flights()) == (1, 0, [])
            os._exit(0)
        print(os.waitstatus_to_exitcode(await_child(pid, 0)[1]))
        go.set()
        print([outcome(call) for call in (leader, *others)])
        """,
        "0\n['kk', 'l', 'm']",
        before=REAL + "import gevent.os\n" + FULL,
    )


def test_a_hub_that_would_stop_all_who_have_places_is_refused() -> None:
    play(
        "",
        """
        leader, told = lead(), []
        def in_the_hub():
            told.append(attempt(cache.get_or_load, "l", unexpected))
        gevent.get_hub().loop.run_callback(in_the_hub)
        gevent.sleep(0.01)
        go.set()
        print(told, outcome(leader), cache._bulkhead.waiting, cache.flights())
        """,
        "['RuntimeError'] kk 0 []",
        before=FULL,
    )


def test_so_is_one_behind_a_greenlet_in_line() -> None:
    play(
        "",
        """
        gate, loading, told = new_lock(), [], []
        gate.acquire()
        def held(key):
            loading.append(key)
            gate.acquire()
            return key * 2
        said = real_thread(cache.get_or_load, "k", held)
        await_here(lambda: loading)
        in_line = start(cache.get_or_load, "l", str)
        gevent.sleep(0.01)
        def in_the_hub():
            told.append(attempt(cache.get_or_load, "m", unexpected))
        gevent.get_hub().loop.run_callback(in_the_hub)
        gevent.sleep(0.01)
        gate.release()
        print(told, outcome(in_line), cache._bulkhead.waiting)
        await_with_others(lambda: said)
        print(said, cache._bulkhead.free, cache.flights())
        """,
        "['RuntimeError'] l 0\n['kk'] 1 []",
        before=REAL + FULL,
    )


@pytest.mark.skipif(
    os.environ.get("GEVENT_LOOP") == "libuv",
    reason="gevent itself does not bear it: a loop of libuv with a live watcher",
)
@BOTH
def test_a_hub_that_is_destroyed_takes_no_place_with_it(first: str) -> None:
    play(
        first,
        """
        cache._bulkhead.try_enter()
        in_line = start(cache.get_or_load, "l", unexpected)
        gevent.sleep(0)
        gevent.get_hub().destroy()
        cache._bulkhead.leave()
        print(cache._bulkhead.free, cache._bulkhead.waiting)
        said = real_thread(cache.get_or_load, "k", str)
        await_here(lambda: said)
        print(said, cache._bulkhead.free)
        # Whoever has kept the greenlet may have it go on, to its end.
        attempt(in_line.throw, KeyError)
        print(in_line.dead, cache._bulkhead.free, cache.flights())
        """,
        "1 0\n['k'] 1\nTrue 1 []",
        before=REAL + FULL,
    )


@BOTH
@pytest.mark.parametrize("module", ["_bulkhead", "_doors", "_rope"])
def test_an_interrupt_anywhere_in_line_loses_no_place(first: str, module: str) -> None:
    play(
        first,
        f"""
        import contextlib
        from fastcache import {module}
        from tests.harness.interrupts import everywhere

        def scene(act):
            begun.clear(), go.clear()
            leader = lead()
            soon = gevent.spawn_later(0.01, go.set)
            def wait():
                # Where it was to be found out whether this is a greenlet.
                with contextlib.suppress(RuntimeError):
                    assert cache.get_or_load("l", str) == "l"
            act(wait)
            soon.join()
            # He opens the door, which may be interrupted too.
            assert outcome(leader) in ("kk", "Interrupt")
            gevent.sleep(0)
            assert (cache._bulkhead.free, cache._bulkhead.waiting, cache.flights()) == (1, 0, [])
            assert outcome(start(cache.get_or_load, "l", str)) == "l"
            cache.clear()

        print(everywhere({module}, scene) > 8)
        """,
        "True",
        before=FULL,
    )


@pytest.mark.skipif(
    sys.version_info[:2] == (3, 12),
    reason="it traces the steps of code from its second run on, and that of a module runs once",
)
def test_an_interrupt_as_greenlets_are_first_looked_for_hides_none() -> None:
    play(
        "",
        """
        import fastcache
        from tests.harness.interrupts import interrupted

        module = type(fastcache)("fastcache._greenlets")
        module.__file__ = os.path.join(os.path.dirname(fastcache.__file__), "_greenlets.py")
        hit, point = True, 0
        while hit:
            pid = os.fork()
            if not pid:
                signal.alarm(20)
                hit = interrupted(module, point, lambda: Cache().get_or_load("k", str))
                leader, other = lead(), start(cache.get_or_load, "l", str)
                gevent.sleep(0.01)
                assert cache._bulkhead.waiting == 1
                go.set()
                assert [outcome(leader), outcome(other)] == ["kk", "l"]
                os._exit(2 if hit else 0)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            assert code in (0, 2), point
            hit, point = code == 2, point + 1
        print(point > 8)
        """,
        "True",
        before="import os, signal\n" + FULL,
    )
