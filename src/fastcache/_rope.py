"""What wakes a greenlet that waits in its thread's hub: a rope, which any thread may pull."""

from __future__ import annotations

import sys

from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# Seconds: a loop that waited for nothing but other threads would take itself for done, so there is always a timer.
AGES = 1e6
# Seconds that timers of libuv can tell.
LEAST = 0.001


def hub_here() -> Any:
    """The hub of this thread, or None: then it has no other greenlets of gevent's, for they need one."""
    gevent = sys.modules.get("gevent._hub_local")
    return None if gevent is None else gevent.get_hub_if_exists()


class Rope:
    """For waits of the greenlet that makes it; other greenlets of its thread run meanwhile."""

    __slots__ = ("_hub", "_waiter")

    def __init__(self) -> None:
        self._hub = hub_here()
        self._waiter = sys.modules["gevent.hub"].Waiter(self._hub)

    @property
    def is_ours(self) -> bool:
        """Whether it is of this thread's hub."""
        return self._hub is hub_here()

    @property
    def is_loose(self) -> bool:
        """Whether the hub has been destroyed, and so nobody is there to wake."""
        return self._hub.loop is None

    def wait(self, seconds: float | None) -> bool:
        """Until it is pulled, which it may have been already; False after so many seconds.

        Whatever another greenlet throws into this one comes out of it.
        """
        timeout = sys.modules["gevent"].Timeout
        while True:
            with timeout(AGES if seconds is None else max(seconds, LEAST), False):
                # Whoever else switches to this greenlet has nothing to say to it.
                while self._waiter.get() is not self:
                    pass
                return True
            if seconds is not None:
                return False

    def pull(self) -> None:
        """In any thread, once or, after an interrupt, twice."""
        try:
            self._hub.loop.run_callback_threadsafe(self._waiter.switch, self)
        except Exception:
            if not self.is_loose:
                raise

    def pull_from_here(self) -> None:
        """The same in its own thread."""
        self._hub.loop.run_callback(self._waiter.switch, self)
