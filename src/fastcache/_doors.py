"""What one stands at in the line of a bulkhead, shut until one is admitted: a lock, or for greenlets what lets their
hub run on.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable

from fastcache._registry import Registry
from fastcache._rope import AGES, Rope
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Door(Protocol):
        def acquire(self, *, timeout: float) -> bool:
            """Waits until it is released; False after so many seconds."""

        def release(self) -> object:
            """Once, in whatever thread; after an interrupt once more."""


# Seconds after which one looks whether there is anything of which a door does not tell.
LOOK = 0.2


class HubDoor:
    """A greenlet's, whose hub runs meanwhile."""

    __slots__ = ("__weakref__", "_rope")

    def __init__(self) -> None:
        self._rope = Rope()
        _doors.add(self)

    def acquire(self, *, timeout: float) -> bool:
        return self._rope.wait(min(timeout, AGES))

    def release(self) -> None:
        self._rope.pull()

    @property
    def is_walled_up(self) -> bool:
        return self._rope.is_loose

    def survive_fork(self) -> None:
        """In the child, where the line is another."""
        if self._rope.is_ours:
            self._rope.pull_from_here()


_doors: Registry[HubDoor] = Registry()
# Whether a greenlet runs that may wait in a hub: told by who knows greenlets.
in_hub: list[Callable[[], bool]] = []


def make_door() -> Door:
    """One for who runs, shut."""
    # Not by a generator: an interrupt that comes as one is given up half-way is lost.
    for waits in in_hub:
        if waits():
            return HubDoor()
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock


def is_walled_up(door: Door) -> bool:
    """Whether nobody can go through it any more."""
    return isinstance(door, HubDoor) and door.is_walled_up


def stops_its_thread(door: Door) -> bool:
    """Whether nothing else runs in the thread of who stands there: not with a lock of a library that has patched
    Python's.
    """
    return type(door).__module__ == "_thread"


def is_deaf(door: Door) -> bool:
    """Whether no other thread can release it, as a lock of eventlet's."""
    return not isinstance(door, HubDoor) and not stops_its_thread(door)


def reset_after_fork() -> None:
    for door in _doors.living():
        door.survive_fork()
