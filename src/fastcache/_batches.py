"""Reloads behind served values that share a loader of several keys: gathered for a moment, and loaded together.

    opened ...... others join ...... begun: what it has is loaded, and it takes no more
      |<---------- delay ---------->|

A gathering is one task of the pool from the start.  The worker that takes it on waits for what is left of the delay;
it is woken when the gathering is full, or dropped since the cache is closed.  (What tasks load is gathered by their
loop: see ``TaskGathering``.)

There is no lock here that a finalizer or signal handler could ask for again.  Who joins a gathering looks afterwards
whether it has closed, and if so takes his batch back, unless it was taken to be loaded.  Whoever closes it takes what
is there before and after that: what came in time is not taken back, and what is not taken back is not missed.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Hashable
from itertools import repeat

from fastcache._core.batch import Batch
from fastcache._core.greenlet import residents_here
from fastcache._doors import LOOK, is_deaf, make_door
from fastcache._registry import Registry
from fastcache._typing import TYPE_CHECKING, Generic

if TYPE_CHECKING:
    from typing import Any, TypeVar

    from fastcache._doors import Door

    G = TypeVar("G", bound="Gathering")

# Keys of one gathering, where the caller did not say.
MOST = 100


class Gathering:
    """Batches that one call of their loader will serve.

    :param like: equal for the batches that may join it.
    """

    __slots__ = ("_door", "_first", "_listed", "_most", "_opener", "_others", "_taken", "_until", "closed", "like")

    def __init__(self, like: Hashable, first: Batch, delay: float, listed: Open[Any]) -> None:
        self.like = like
        self.closed = False
        self._first = first
        # Those that may be taken back, and those that may not.
        self._others: list[Batch] = []
        self._taken: list[Batch] = []
        self._most = first.max_batch or MOST
        self._until = time.monotonic() + delay
        self._listed = listed
        self._opener: int | None = None
        # At which a worker waits.
        self._door: Door | None = None

    def __len__(self) -> int:
        """How many keys."""
        return len(self._first) + sum(map(len, self._others))

    def open(self, submit: Callable[[Any], bool]) -> bool:
        """Submits it as a task, and lists it for others to join; False if it was not taken on."""
        self._opener = threading.get_ident()
        try:
            if not submit(self):
                return False
        except BaseException:
            # Some of it may have been taken on.
            self.drop()
            raise
        finally:
            self._opener = None
        # Not before: what is refused would take others with it.
        try:
            self._listed.add(self)
        finally:
            if self.closed:
                self._close()
        return True

    def join(self, batch: Batch) -> bool:
        """Takes a batch in; False if it is full, or closed."""
        if self.closed or len(self) + len(batch) > self._most:
            return False
        self._others.append(batch)
        self._wake_if_full()
        if self.closed:
            with contextlib.suppress(ValueError):
                self._others.remove(batch)
                return False
        return True

    def _wake_if_full(self) -> None:
        if len(self) >= self._most:
            self._wake()

    def _wake(self) -> None:
        if self._door is not None:
            # Released already.
            with contextlib.suppress(RuntimeError):
                self._door.release()

    def _close(self) -> None:
        self.closed = True
        self._listed.remove(self)

    def run(self) -> None:
        """Waits until it is to begin, and loads."""
        try:
            self._wait()
            if self.closed:
                # An interrupt may have kept whoever closed it from dropping all.
                self.drop()
            else:
                self.taken().run()
        except BaseException:
            self.drop()
            raise

    def taken(self) -> Batch:
        """All that has joined; it takes no more."""
        return self._first.joined(self._take())

    def _take(self) -> list[Batch]:
        self._take_others()
        self._close()
        self._take_others()
        return self._taken

    def _take_others(self) -> None:
        with contextlib.suppress(IndexError):
            # One step in C: each is in one of the two, whenever an interrupt comes.
            self._taken.extend(map(self._others.pop, repeat(0)))

    def _time_left(self) -> float:
        """Seconds until it is to begin."""
        return 0.0 if len(self) >= self._most else max(0.0, self._until - time.monotonic())

    def _wait(self) -> None:
        # An executor that runs it at once would make the caller wait for what cannot come.
        if self._opener == threading.get_ident() or self._time_left() == 0:
            return
        door = make_door()
        if not is_deaf(door):
            self._door = door
        # Others of a greenlet's thread go on meanwhile, and it may be lost with that.
        residents = residents_here()
        residents.add(self)
        try:
            # Whoever filled or closed it before there was a door woke nobody, and a deaf one tells of nothing.
            while (left := self._time_left()) > 0 and not self.closed:
                if door.acquire(timeout=min(left, LOOK)):
                    break
        finally:
            residents.discard(self)

    def lost(self) -> None:
        """Its worker, or its loop, stands still for good."""
        self.drop()

    def drop(self) -> None:
        """Gives up what nobody has begun to load."""
        taken = self._take()
        self._wake()
        for batch in (self._first, *taken):
            batch.drop()

    def heat(self) -> int:
        return sum(batch.heat() for batch in (self._first, *self._others))


class Open(Generic["G"]):
    """The open gatherings of a cache, in this process: in the child of a fork those of the parent are listed apart.

    ``latest`` has the one of each kind that may be joined: of two that are opened at once, or where a batch had no
    room, the other is joined by nobody any more.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.all: dict[G, None] = {}
        self.latest: dict[Hashable, G] = {}

    def add(self, gathering: G) -> None:
        self.all[gathering] = None
        self.latest[gathering.like] = gathering

    def remove(self, gathering: G) -> None:
        """Of one that has closed."""
        self.all.pop(gathering, None)
        if self.latest.get(gathering.like) is not gathering:
            return
        other = self.latest.pop(gathering.like, gathering)
        if other is not gathering:
            # It was listed in this very moment, and may have closed before it is put back.
            self.latest.setdefault(other.like, other)
            if other.closed:
                self.remove(other)


_all: Registry[Batches[Any]] = Registry()


class Batches(Generic["G"]):
    """The open gatherings of a cache.

    :param delay: seconds that each waits for others to join it.
    :param gather: makes a gathering.
    """

    def __init__(self, delay: float, gather: type[G]) -> None:
        self._delay = delay
        self._gather = gather
        self._closed = False
        self._open: Open[G] = Open()
        _all.add(self)

    def reset_after_fork(self) -> None:
        """In the child, which has none of the threads that would load them."""
        former, self._open = self._open, Open()
        # So that this thread, if it is amid one of those, meets nothing there that others have left locked.
        former.forget()

    def submit(self, batch: Batch, submit: Callable[[G], bool], where: Hashable = None) -> bool:
        """Takes a batch on; False if it is closed, or if a gathering had to be opened and ``submit`` refused that.

        :param where: those from different places are not gathered together.
        """
        if self._closed:
            return False
        like = where, batch.like
        gathering = self._open.latest.get(like)
        if gathering is not None and gathering.join(batch):
            return True
        opened = self._gather(like, batch, self._delay, self._open)
        if not opened.open(submit):
            return False
        if self._closed:
            opened.drop()
        return True

    def close(self) -> None:
        """Refuses further batches, and drops those that have not begun."""
        self._closed = True
        for gathering in list(self._open.all):
            gathering.drop()


def reset_after_fork() -> None:
    for batches in _all.living():
        batches.reset_after_fork()
