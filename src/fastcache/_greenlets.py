"""How greenlets of gevent wait: their thread's hub runs on, and with it whoever loads in that thread.

Neither gevent nor greenlet is ever imported here: who has not, has no greenlets.  Where they are, this module is, and
each load asks whether a greenlet makes it, and each wait of one that has a hub is the hub's.  Other greenlets
stop their thread as they wait, and so are refused to wait for one of it.
"""

from __future__ import annotations

import sys

from fastcache._core.bell import Bell
from fastcache._core.graph import know_greenlets
from fastcache._core.greenlet import residents_here
from fastcache._doors import in_hub
from fastcache._registry import Registry
from fastcache._rope import Rope, hub_here
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from fastcache._core.flight import Flight


def current() -> Any:
    return sys.modules["greenlet"].getcurrent()


def waits() -> bool:
    """Whether a greenlet that may wait in a hub runs: any of its thread but the hub itself."""
    hub = hub_here()
    return hub is not None and current() is not hub


def runs() -> bool:
    """Whether a greenlet with loads of its own runs: one that may wait in a hub, or without one any but the first."""
    running, hub = current(), hub_here()
    return running.parent is not None if hub is None else running is not hub


class _Wait:
    """A greenlet's wait for a load."""

    __slots__ = ("__weakref__", "_bell", "_rope")

    def __init__(self) -> None:
        self._rope = Rope()
        self._bell = Bell(self._rope.pull)

    def run(self, flight: Flight, seconds: float | None) -> None:
        residents = residents_here()
        try:
            _waits.add(self)
            residents.add(self)
            self._bell.hang(flight)
            self._rope.wait(seconds)
        finally:
            self._bell.leave()
            residents.discard(self)

    def lost(self) -> None:
        """Its thread has ended, and with that the hub."""
        self._bell.leave()

    def survive_fork(self) -> None:
        """In the child, which has the greenlets of the thread that forked, and no others."""
        if self._bell.survive_fork(self._rope.is_ours):
            self._rope.pull_from_here()


_waits: Registry[_Wait] = Registry()


def wait(flight: Flight, seconds: float | None) -> None:
    """Returns at the end of a load, or after so many seconds; other greenlets run meanwhile.

    LoadCycleError: it could never end.  Whatever another greenlet throws into this one comes out of it.
    """
    _Wait().run(flight, seconds)


def reset_after_fork() -> None:
    for each in _waits.living():
        each.survive_fork()


def make_known() -> None:
    """Has others ask this module from now on.  Not done by its import, which an interrupt may yet undo after that."""
    in_hub.append(waits)
    know_greenlets(sys.modules[__name__])
