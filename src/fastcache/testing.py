"""For the tests of programs that use fastcache: a clock that stands still until it is moved.

clock = MovableClock()
cache = Cache(ttl=60, clock=clock)
cache["k"] = 1
clock.advance(60)
assert "k" not in cache
"""

from fastcache._core.movable import MovableClock

__all__ = ["MovableClock"]
