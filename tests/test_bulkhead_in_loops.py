"""Sync calls in a loop's thread, where its tasks have the places of a bulkhead: none waits for what it stops."""

from __future__ import annotations

import textwrap

from tests.harness.child import check_child

SCENE = """
import asyncio
from fastcache import Cache
from tests.harness.gates import Call, HeldLoader, await_until
from tests.harness.tasks import AsyncHeldLoader, started, until

def unexpected(key):
    raise AssertionError(key)

def attempt(*call, **options):
    try:
        return cache.get_or_load(*call, **options)
    except Exception as error:
        return type(error).__name__

def open_when_in_line(loader):
    await_until(lambda: cache._bulkhead.waiting)
    loader.gate.open()

async def led_by_a_thread(key):
    "A thread that has a place, and what it stops at."
    loader = HeldLoader(key * 2)
    thread = Call(cache.get_or_load, key, loader)
    await until(lambda: loader.gate.arrived)
    return thread, loader

async def quick(key):
    return key * 2

async def load_many(keys):
    await held.gate.stop()
    return {key: key * 2 for key in keys}
"""


def play(snippet: str, out: str) -> None:
    child = SCENE + "async def main():\n" + textwrap.indent(textwrap.dedent(snippet), "    ")
    check_child(child + "\nasyncio.run(main())", out=out)


def test_who_would_stop_the_tasks_that_have_all_places_is_refused() -> None:
    play(
        """
        global cache, held
        cache, held = Cache(ttl=60, max_concurrent_loads=2), AsyncHeldLoader("kk")
        tasks = await started(cache.aget_or_load("k", held), cache.aget_many_or_load(["l", "m"], load_many))
        print(cache._bulkhead.free, attempt("n", unexpected), attempt("n", unexpected, wait_timeout=60))
        print(attempt("n", unexpected, wait_timeout=0), cache._bulkhead.waiting, len(cache.flights()))
        held.gate.open()
        print(await asyncio.gather(*tasks), attempt("n", str), cache._bulkhead.free)
        """,
        "0 RuntimeError RuntimeError\nLoadRejected 0 3\n['kk', {'l': 'll', 'm': 'mm'}] n 2",
    )


def test_so_is_one_for_a_place_of_a_task_that_has_not_run_since_it_was_given_it() -> None:
    play(
        """
        global cache
        cache = Cache(ttl=60, max_concurrent_loads=1)
        cache._bulkhead.try_enter()
        in_line = (await started(cache.aget_or_load("k", quick)))[0]
        # As a load that ends does.
        cache._bulkhead.leave()
        print(cache._bulkhead.waiting, attempt("n", unexpected), await in_line, cache._bulkhead.free)
        """,
        "0 RuntimeError kk 1",
    )


def test_who_waits_for_a_place_of_a_thread_gets_it() -> None:
    play(
        """
        global cache, held
        cache, held = Cache(ttl=60, max_concurrent_loads=2), AsyncHeldLoader("kk")
        task = (await started(cache.aget_or_load("k", held)))[0]
        thread, loader = await led_by_a_thread("l")
        opener = Call(open_when_in_line, loader)
        print(attempt("n", str), thread.result(), task.done(), opener.result())
        held.gate.open()
        print(await task, cache._bulkhead.free)
        """,
        "n ll False None\nkk 2",
    )


def test_nested_loads_have_no_places_of_their_own() -> None:
    play(
        """
        global cache, held
        cache, held = Cache(ttl=60, max_concurrent_loads=2), AsyncHeldLoader("kk")
        async def nesting(key):
            return await cache.aget_or_load("k", held)
        task = (await started(cache.aget_or_load("outer", nesting)))[0]
        print(len(cache.flights()), cache._bulkhead.free, attempt("n", str))
        held.gate.open()
        print(await task, cache._bulkhead.free)
        """,
        "2 1 n\nkk 2",
    )


def test_a_loop_that_has_stopped_frees_no_place_either() -> None:
    check_child(
        SCENE
        + """
cache, held = Cache(ttl=60, max_concurrent_loads=1), AsyncHeldLoader("kk")
with asyncio.Runner() as runner:
    async def begin():
        return await started(cache.aget_or_load("k", held))
    task = runner.run(begin())[0]
    print(attempt("n", unexpected))
    held.gate.open()
    async def end():
        return await task
    print(runner.run(end()), cache._bulkhead.free)
""",
        out="RuntimeError\nkk 1",
    )


def test_so_is_one_behind_a_task_in_line() -> None:
    play(
        """
        global cache
        cache = Cache(ttl=60, max_concurrent_loads=1)
        thread, loader = await led_by_a_thread("l")
        in_line = (await started(cache.aget_or_load("k", quick)))[0]
        print(cache._bulkhead.waiting, attempt("n", unexpected), cache._bulkhead.waiting)
        loader.gate.open()
        print(await in_line, thread.result(), attempt("n", str), cache._bulkhead.free)
        """,
        "1 RuntimeError 1\nkk ll n 1",
    )


def test_so_is_one_for_what_a_thread_stands_in_line_for() -> None:
    play(
        """
        global cache, held
        cache, held = Cache(ttl=60, max_concurrent_loads=1), AsyncHeldLoader("kk")
        task = (await started(cache.aget_or_load("k", held)))[0]
        thread = Call(cache.get_or_load, "n", str)
        await until(lambda: cache._bulkhead.waiting)
        print(attempt("n", unexpected))
        try:
            cache.get_many_or_load(["n"], unexpected)
        except RuntimeError:
            print(cache._bulkhead.waiting)
        held.gate.open()
        print(await task)
        await until(lambda: cache._bulkhead.free)
        print(thread.result(), attempt("n", unexpected))
        """,
        "RuntimeError\n1\nkk\nn n",
    )


def test_so_is_one_for_what_a_thread_stands_in_line_for_behind_a_task() -> None:
    play(
        """
        global cache
        cache = Cache(ttl=60, max_concurrent_loads=1)
        holder, loader = await led_by_a_thread("l")
        in_line = (await started(cache.aget_or_load("k", quick)))[0]
        behind = Call(cache.get_or_load, "n", str)
        await until(lambda: cache._bulkhead.waiting == 2)
        print(attempt("n", unexpected))
        loader.gate.open()
        print(await in_line, holder.result())
        await until(lambda: cache._bulkhead.free)
        print(behind.result())
        """,
        "RuntimeError\nkk ll\nn",
    )


def test_a_loop_that_has_gone_on_in_another_thread_is_not_stopped() -> None:
    check_child(
        SCENE
        + """
cache, held = Cache(ttl=60, max_concurrent_loads=1), AsyncHeldLoader("kk")
loop = asyncio.new_event_loop()
task = loop.run_until_complete(started(cache.aget_or_load("k", held)))[0]
elsewhere = Call(loop.run_until_complete, task)
await_until(loop.is_running)
def end():
    await_until(lambda: cache._bulkhead.waiting)
    loop.call_soon_threadsafe(held.gate.open)
ender = Call(end)
print(attempt("n", str), elsewhere.result(), ender.result(), cache._bulkhead.free)
loop.close()
""",
        out="n kk None 1",
    )
