"""What breaks in on a greenlet that waits or loads, and whose load is whose among those of one thread."""

from __future__ import annotations

import pytest

from tests.harness.greenlets import BOTH, play

pytest.importorskip("gevent", reason="gevent is not installed")


@BOTH
def test_a_load_begun_before_there_were_greenlets_is_waited_for(first: str) -> None:
    play(
        first,
        """
        def spawning(key):
            followers.append(start(cache.get_or_load, "k", unexpected))
            gevent.sleep(0.01)
            refused = attempt(cache.get_or_load, "k", unexpected)
            return refused, attempt(cache.get_or_load, "l", lambda key: attempt(cache.get_or_load, "k", unexpected))
        followers = []
        print(cache.get_or_load("k", spawning), outcome(followers[0]))
        """,
        "('RecursiveLoadError', 'RecursiveLoadError') ('RecursiveLoadError', 'RecursiveLoadError')",
    )


@BOTH
def test_a_load_of_several_keys_is_over_when_it_has_ended(first: str) -> None:
    play(
        first,
        """
        from fastcache._core.graph import is_loading
        def load_many(keys):
            return {key: is_loading() for key in keys}
        def ask(**options):
            return cache.get_many_or_load("abc", load_many, force=True, **options), is_loading()
        print(outcome(start(ask)))
        print(outcome(start(ask, max_batch=2)))
        """,
        "({'a': True, 'b': True, 'c': True}, False)\n({'a': True, 'b': True, 'c': True}, False)",
    )


@BOTH
def test_who_is_switched_to_for_no_reason_waits_on(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        follower = start(cache.get_or_load, "k", unexpected)
        gevent.sleep(0)
        for _ in range(2):
            gevent.get_hub().loop.run_callback(follower.switch)
            gevent.sleep(0.01)
        print(follower.ready(), [flight.waiters for flight in cache.flights()])
        go.set()
        print(outcome(follower), outcome(leader))
        """,
        "False [1]\nkk kk",
    )


@BOTH
def test_what_is_thrown_into_a_wait_is_no_error_of_a_key(first: str) -> None:
    play(
        first,
        """
        class Enough(Exception):
            pass
        def load_many(keys):
            return {key: key for key in keys}
        leader = lead()
        calls = [
            start(cache.get_or_load, "k", unexpected),
            start(cache.get_many_or_load, ["k", "l"], load_many),
            start(cache.get_many_or_load, ["k", "m"], load_many, errors="return"),
        ]
        def in_time():
            with gevent.Timeout(0.01, Enough):
                return cache.get_many_or_load(["k", "n"], load_many, errors="return")
        calls.append(start(in_time))
        gevent.sleep(0)
        for call in calls[:3]:
            call.kill(Enough, block=False)
        print([outcome(call) for call in calls], [flight.waiters for flight in cache.flights()])
        go.set()
        print(outcome(leader))
        """,
        "['Enough', 'Enough', 'Enough', 'Enough'] [0]\nkk",
    )


@pytest.mark.parametrize("module", ["_greenlets", "_rope"])
def test_an_interrupt_anywhere_in_a_wait_leaves_no_waiter(module: str) -> None:
    play(
        "",
        f"""
        import contextlib, sys
        from fastcache import {module}
        from tests.harness.interrupts import everywhere

        # What comes as the leader rings is not raised there.
        sys.unraisablehook = sys.excepthook = lambda *error: None

        def scene(act):
            begun.clear(), go.clear()
            leader = lead()
            soon = gevent.spawn_later(0.01, go.set)
            def wait():
                # Where it was to be found out whether this is a greenlet.
                with contextlib.suppress(RuntimeError):
                    assert cache.get_or_load("k", unexpected) == "kk"
            act(wait)
            assert [flight.waiters for flight in cache.flights()] in ([0], []), cache.flights()
            soon.join()
            assert outcome(leader) == "kk"
            assert outcome(start(cache.get_or_load, "k", unexpected)) == "kk"
            cache.clear()

        print(everywhere({module}, scene) > 8)
        """,
        "True",
    )
