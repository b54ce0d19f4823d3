"""How greenlets of gevent wait for a load: their thread's hub runs on, and with it whoever loads in that thread.

Neither gevent nor greenlet is ever imported here: who has not, has no greenlets.  Where they are there when a cache is
made, each load asks whether a greenlet makes it, and each wait of one that has a hub is the hub's.  Other greenlets
stop their thread as they wait, and so are refused to wait for one of it.
"""

from __future__ import annotations

import sys

from fastcache._core.bell import Bell
from fastcache._core.graph import know_greenlets
from fastcache._core.greenlet import residents_here
from fastcache._registry import Registry
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from fastcache._core.flight import Flight

_known = False


def look() -> None:
    """When a cache is made: whether there may be greenlets."""
    global _known
    if not _known and "greenlet" in sys.modules:
        know_greenlets(sys.modules[__name__])
        _known = True


def _hub() -> Any:
    """That of this thread, or None: then it has no other greenlets of gevent's, for they need one."""
    gevent = sys.modules.get("gevent._hub_local")
    return None if gevent is None else gevent.get_hub_if_exists()


def current() -> Any:
    return sys.modules["greenlet"].getcurrent()


def waits() -> bool:
    """Whether a greenlet that may wait in a hub runs: any of its thread but the hub itself."""
    hub = _hub()
    return hub is not None and current() is not hub


def runs() -> bool:
    """Whether a greenlet with loads of its own runs: one that may wait in a hub, or without one any but the first."""
    running, hub = current(), _hub()
    return running.parent is not None if hub is None else running is not hub


class _Wait:
    """A greenlet's wait in the hub of its thread."""

    __slots__ = ("__weakref__", "_bell", "_hub", "_rope", "_waiter")

    def __init__(self) -> None:
        self._hub = _hub()
        self._waiter = sys.modules["gevent.hub"].Waiter(self._hub)
        # What may be pulled from any thread.
        self._rope = self._hub.loop.async_()
        self._bell = Bell(self._ring)

    def _ring(self) -> None:
        try:
            self._rope.send()
        except Exception:
            # A hub that has been destroyed has nobody to wake.
            if self._hub.loop is not None:
                raise

    def run(self, flight: Flight, seconds: float | None) -> None:
        rung, left = False, False
        residents = residents_here()
        try:
            _waits.add(self)
            residents.add(self)
            self._rope.start(self._waiter.switch, self)
            self._bell.hang(flight)
            with sys.modules["gevent"].Timeout(seconds, False):
                # Whoever else switches to this greenlet has nothing to say to it.
                while not rung:
                    rung = self._waiter.get() is self
        finally:
            left = self._bell.leave()
            residents.discard(self)
            self._rope.stop()
            # Who is about to pull it must still find it.
            if rung or left:
                self._rope.close()

    def lost(self) -> None:
        """Its thread has ended, and with that the hub."""
        self._bell.leave()

    def survive_fork(self) -> None:
        """In the child, which has the greenlets of the thread that forked, and no others."""
        if self._bell.survive_fork(self._hub is _hub()):
            # The rope may still be the parent's too.
            self._hub.loop.run_callback(self._waiter.switch, self)


_waits: Registry[_Wait] = Registry()


def wait(flight: Flight, seconds: float | None) -> None:
    """Returns at the end of a load, or after so many seconds; other greenlets run meanwhile.

    LoadCycleError: it could never end.  Whatever another greenlet throws into this one comes out of it.
    """
    _Wait().run(flight, seconds)


def reset_after_fork() -> None:
    for each in _waits.living():
        each.survive_fork()
