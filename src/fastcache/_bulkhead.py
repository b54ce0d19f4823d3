"""A bulkhead: so many loads at a time, and a line of those who wait for a place.

    places    one token for each place that is free
    _line     who waits, the first first; who pops a waiter admits it

 enter:  take a place, or stand in line and serve             leave:  put a place back and serve

To *serve* is to give free places to those in line.  Whoever adds to one of the two looks at the other after that, so
a place and a waiter never stay beside each other, and a place goes to one of them only by leaving ``places``.  Both
are deques, whose operations are atomic and may be re-entered by a finalizer or signal handler in their midst, where a
lock would be a deadlock.

An interrupt may come after any call.  So what must not be lost is moved within one call into C, by extending a list
with a ``map`` over the operation: then the list says whether it has been done.

The child of a fork has a line and places of its own.  Who has a place knows to which places it belongs, and gives it
back to those.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from fastcache._core.graph import places_held
from fastcache._core.greenlet import residents_here
from fastcache._doors import LOOK, HubDoor, is_deaf, is_walled_up, make_door, stops_its_thread
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from fastcache._doors import Door

    class Waiter(Protocol):
        """Who stands in line; told apart by identity, so without an ``==`` of its own."""

        places: deque[None]

        def admit(self) -> bool:
            """Tells it that it has a place; False if it is gone, and the place for the next.

            Called by the thread that found the place, perhaps its own, with nothing locked.  Must not block or raise.
            If an interrupt cuts it short it is called once more, and must then give the same answer.
            """


# What else counts the places that loads of this thread have, or stand in line for: whoever makes such loads adds it,
# under a name, for an interrupt may have its module imported twice.
taken_here: dict[str, Callable[[Bulkhead], int]] = {}


class AtDoor:
    """A thread or greenlet that stands at a door until it is admitted; a greenlet may be lost with its thread."""

    __slots__ = ("_admitted", "_bulkhead", "_place", "door", "places")

    def __init__(self, bulkhead: Bulkhead, places: deque[None], door: Door) -> None:
        self.door = door
        self._bulkhead = bulkhead
        # By whoever was the first to settle it.
        self._admitted: dict[None, bool] = {}
        self._place: list[None] = [None]
        self.places = places

    def takes(self, bulkhead: Bulkhead) -> bool:
        """Whether it has a place, or is to have one, and has yet to go on with it."""
        return self._bulkhead is bulkhead and self._admitted.get(None, True)

    def admit(self) -> bool:
        if not self._admitted.setdefault(None, not is_walled_up(self.door)):
            return False
        # Told already.
        with contextlib.suppress(RuntimeError):
            self.door.release()
        return True

    def is_admitted(self) -> bool:
        """Once it is out of the line: whether it has a place; else it never will."""
        return self._admitted.setdefault(None, False)

    def is_told(self) -> bool:
        """Whether it has a place, while it may be in the line."""
        return self._admitted.get(None, False)

    def lost(self) -> None:
        if self.is_admitted():
            self._bulkhead.give_back(self._place, self.places)
        else:
            self._bulkhead.withdraw(self)


class Bulkhead:
    """At most ``limit`` loads at a time; who comes first is served first.

    :param limit: how many places there are, an int of at least 1.
    """

    __slots__ = ("_line", "limit", "places", "vacate")

    def __init__(self, limit: int) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise TypeError(f"limit must be an int, not {limit!r}")
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit!r}")
        self.limit = limit
        self.reset_after_fork(0)

    def reset_after_fork(self, held: int) -> None:
        """In the child: nobody waits, and all places are free but the ``held`` ones of the thread that forked."""
        line: deque[Waiter] = deque()
        places: deque[None] = deque([None] * (self.limit - held))
        # Gives a place back in one step that no interrupt precedes or splits, and serves nobody: for callers in C, who
        # are to call ``serve`` after it.
        vacate: Callable[[], None] = partial(places.append, None)
        # With nothing called in between, where a handler could fork once more.
        self._line, self.places, self.vacate = line, places, vacate

    @property
    def free(self) -> int:
        """Places that nobody has, now."""
        return len(self.places)

    @property
    def waiting(self) -> int:
        """How many stand in line, now."""
        return len(self._line)

    def check_stop(self) -> None:
        """RuntimeError: were this thread stopped, so would be whoever has the places or is to have them next."""
        held = places_held(self)
        # A finalizer may run meanwhile, and stand in line too.
        for resident in tuple(residents_here()):
            held += isinstance(resident, AtDoor) and resident.takes(self)
        for count in tuple(taken_here.values()):
            held += count(self)
        if held >= self.limit:
            raise RuntimeError(
                f"all {self.limit} places of max_concurrent_loads are held or stood in line for in this thread, by "
                "loads of its tasks or greenlets that a wait would stop; use aget_or_load in tasks"
            )

    def try_enter(self) -> bool:
        """Takes a place if one is left by those in line; True: ``leave`` gives it back.

        If it raises, which only a signal handler can make it do, no place is taken.
        """
        while True:
            places = self.places
            place: list[None] = []
            try:
                self._take(places, place)
            except BaseException:
                self._undo(places, place)
                raise
            entered = place != []
            # Else this is the child of a fork that came meanwhile, and the place the parent's.
            if places is self.places:
                return entered

    def enter(self, timeout: float | None) -> bool:
        """Takes a place, and waits in line for one at most ``timeout`` seconds (None: for ever); False if in vain.

        RuntimeError: it would stop its thread, and with it those who have the places, or are to have them before.  If
        it raises, which but for that only a signal handler can make it do, no place is taken and nobody is left in
        line.
        """
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout must be at least 0 or None, not {timeout!r}")
        if timeout == 0:
            return self.try_enter()
        # A greenlet may be lost with them, and never return; a handler may come amid a thread's wait.
        residents = residents_here()
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            line, places = self._line, self.places
            place: list[None] = []
            queued: list[None] = []
            withdrawn: list[None] = []
            waiter = AtDoor(self, places, make_door())
            try:
                self._take(places, place)
                if place:
                    # As above.
                    if places is self.places:
                        return True
                    continue
                if stops_its_thread(waiter.door):
                    self.check_stop()
                residents.add(waiter)
                queued.extend(map(line.append, (waiter,)))
                self.serve()
                if not self._wait(line, waiter, until):
                    self._withdraw(line, waiter, withdrawn)
                residents.discard(waiter)
            except BaseException:
                residents.discard(waiter)
                if queued and not withdrawn:
                    self._withdraw(line, waiter, withdrawn)
                    if not withdrawn and waiter.is_admitted():
                        place.append(None)
                self._undo(places, place)
                raise
            # Unless this is the child of a fork that came amid the wait, and the line the parent's.
            if line is self._line:
                return withdrawn == []

    def leave(self) -> None:
        """Gives a place back, to the first in line if there is one.

        An interrupt that comes as it begins prevents it; one that comes later does not.
        """
        try:
            self.vacate()
            self.serve()
        except BaseException:
            self.serve()
            raise

    def give_back(self, place: list[None], places: deque[None]) -> None:
        """``leave`` for a place for which the one thing in ``place`` stands; that is taken out, so it is done once.

        After an interrupt it is to be called again.

        :param places: to which it belongs.
        """
        with contextlib.suppress(IndexError):
            places.extend(map(list.pop, (place,)))
        self.serve()

    def queue(self, waiter: Waiter) -> None:
        """Puts a waiter at the end of the line; it may be admitted before this returns.

        ``waiter.places`` are those to which the place will belong that it gets.  If it raises, which only a signal
        handler can make it do, the waiter is not in line and has no place, though it may have been told so.
        """
        line, places = self._line, self.places
        waiter.places = places
        queued: list[None] = []
        withdrawn: list[None] = []
        try:
            queued.extend(map(line.append, (waiter,)))
            self.serve()
        except BaseException:
            self._withdraw(line, waiter, withdrawn)
            self._undo(places, queued if queued and not withdrawn else [])
            raise

    def withdraw(self, waiter: Waiter) -> bool:
        """Takes a waiter out of the line; False: it has a place or is being told so, and must not call itself gone."""
        withdrawn: list[None] = []
        self._withdraw(self._line, waiter, withdrawn)
        return withdrawn != []

    def serve(self) -> None:
        """Gives free places to those in line."""
        line, places = self._line, self.places
        while True:
            # Changes nothing; but without a GIL it takes the line's own lock, so that whoever stands in line after
            # this sees the places that were put back before.
            line.rotate(0)
            if not line or not places:
                return
            self._hand_on(line, places)

    def _hand_on(self, line: deque[Waiter], places: deque[None]) -> None:
        """Gives a place to the first in line, unless others are faster."""
        place: list[None] = []
        first: list[Waiter] = []
        told = False
        try:
            place.extend(map(deque.pop, (places,)))
            first.extend(map(deque.popleft, (line,)))
            told = first[0].admit()
        except IndexError:
            pass
        except BaseException:
            if first:
                told = first[0].admit()
            raise
        finally:
            if not told:
                places.extend(place)

    def _take(self, places: deque[None], place: list[None]) -> None:
        # Those in line come first.
        if self._line:
            self.serve()
        try:
            place.extend(map(deque.pop, (places,)))
        except IndexError:
            return

    def _undo(self, places: deque[None], place: list[None]) -> None:
        """After an interrupt: gives back what was taken, and does what may have been left undone."""
        places.extend(place)
        self.serve()

    @staticmethod
    def _withdraw(line: deque[Waiter], waiter: Waiter, withdrawn: list[None]) -> None:
        with contextlib.suppress(ValueError):
            withdrawn.extend(map(line.remove, (waiter,)))

    def _wait(self, line: deque[Waiter], waiter: AtDoor, until: float | None) -> bool:
        """False if time is up before it is admitted; True also if the line is no more: see ``enter``."""
        is_main = threading.get_ident() == threading.main_thread().ident
        deaf = is_deaf(waiter.door)
        # A signal that comes just before the main thread waits interrupts nothing; a hub looks for them itself.
        looks = deaf or (is_main and not isinstance(waiter.door, HubDoor))
        longest = LOOK if looks else threading.TIMEOUT_MAX
        while line is self._line:
            left = longest if until is None else min(longest, until - time.monotonic())
            if waiter.door.acquire(timeout=max(0.0, left)) or (deaf and waiter.is_told()):
                return True
            if until is not None and time.monotonic() >= until:
                return False
        return True
