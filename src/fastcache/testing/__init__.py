"""For the tests of programs that use fastcache: time, executors, loads and caches in the hands of the test.

clock = MovableClock()            # stands still until it is moved
cache = Cache(ttl=60, clock=clock)
cache["k"] = 1
clock.advance(60)
assert "k" not in cache

loader = HeldLoader()             # stops until it is released
reader = Thread(target=cache.get_or_load, args=("k", loader))
reader.start()
loader.reached()                  # the load is under way
cache.delete("k")
loader.release("value")

An executor runs what it is given at once (InlineExecutor), or when the test says so (ManualExecutor).  ``clear_all``,
``open_flights`` and ``assert_no_flights`` see to all caches of the process.  pytest finds two fixtures by itself:
``movable_clock``, and ``clean_caches``, which empties all caches around a test and fails if it leaves a load under way.
"""

from fastcache._core.movable import MovableClock
from fastcache.testing._caches import assert_no_flights, clear_all, open_flights
from fastcache.testing._executors import InlineExecutor, ManualExecutor
from fastcache.testing._held import HeldLoader

__all__ = [
    "HeldLoader",
    "InlineExecutor",
    "ManualExecutor",
    "MovableClock",
    "assert_no_flights",
    "clear_all",
    "open_flights",
]
