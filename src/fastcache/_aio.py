"""How tasks wait: for a load to end, and for a place in the bulkhead.

What is to be done is decided by ``Approach`` and ``Rounds``, as for threads.  Whoever ends a flight calls its watchers,
perhaps in another thread; from there a loop is reached by ``call_soon_threadsafe`` alone, and one that has been closed
is left alone.
"""

from __future__ import annotations

import asyncio
import weakref
from functools import partial
from typing import Any

from fastcache._bulkhead import Bulkhead, taken_here
from fastcache._core.approach import ENTERED, IN_LINE, LEADS, LOADS_ALONE, REFRESHED, SERVED, Approach, Way
from fastcache._core.rounds import Rounds
from fastcache._core.seat import Seat
from fastcache._core.watch import Watch
from fastcache._home import Home, home_here, home_of
from fastcache._patience import wait_on
from fastcache._task_loads import Load, Refreshes


class InLine(Seat):
    """A task's place in the line of a bulkhead, for what it is to load.

    An interrupt may come after any call; so each thing here is done in one step, or may be done again.
    """

    __slots__ = ("_admitted", "_home", "_place", "_way", "places")

    def __init__(self, way: Approach | Rounds) -> None:
        super().__init__()
        self._way = way
        # Whether it has a place, by whoever was the first to settle that.
        self._admitted: dict[None, bool] = {}
        # What stands for its place in the line, and then for that in the bulkhead, while it is this one's to give back.
        self._place: list[Any] = []
        # To which that belongs; in the child of a fork they are the parent's.
        self.places = way.bulkhead.places
        self._home: weakref.ref[Home] | None = None

    def stand(self) -> None:
        """Stands in line from now on."""
        home = home_of(self.loop)
        self._home = weakref.ref(home)
        home.residents.add(self)
        self._place.extend(map(self._way.bulkhead.queue, (self,)))

    def admit(self) -> bool:
        if not self._admitted.setdefault(None, not self.loop.is_closed()):
            return False
        self.wake()
        return True

    def is_admitted(self) -> bool:
        """Once the wait is over: whether it has a place; else it never will."""
        return self._admitted.setdefault(None, False)

    def enter(self) -> bool:
        """With a place: whether the load is this call's still, as in the child of a fork it is not."""
        entered: list[bool] = []
        if self.places is not self._way.bulkhead.places:
            return False
        entered.extend(map(self._way.entered, map(list.pop, (self._place,))))
        return entered[0]

    def takes(self, bulkhead: Bulkhead) -> bool:
        """Whether it has been given a place, or is to be given one, and has not run since."""
        return self._way.bulkhead is bulkhead and self._place != [] and self._admitted.get(None, True)

    def leave(self) -> None:
        """Gives back what there is to give back, and stands in no line any more."""
        try:
            self._give_back()
        except BaseException:
            self._give_back()
            raise
        home = None if self._home is None else self._home()
        if home is not None:
            home.residents.discard(self)

    def _give_back(self) -> None:
        if self.is_admitted():
            self._way.bulkhead.give_back(self._place, self.places)
        else:
            self._way.bulkhead.withdraw(self)

    def lost(self) -> None:
        self.leave()
        self._way.let_go()


def _places_taken(bulkhead: Bulkhead) -> int:
    """How many places tasks of this thread's loop have in a bulkhead, or stand in line for."""
    home, running = home_here(), asyncio._get_running_loop()
    taken = 0
    # A finalizer may run meanwhile, and begin a load too.
    for resident in () if home is None else tuple(home.residents):
        if not isinstance(resident, (Load, InLine)) or (resident.loop is not running and resident.loop.is_running()):
            # Its loop runs on in another thread.
            continue
        taken += resident.takes(bulkhead)
    return taken


async def approach(way: Approach, refreshes: Refreshes) -> Any:
    """Takes a call to its answer."""
    try:
        while True:
            step = way.step()
            if step == REFRESHED:
                way.leave_behind(refreshes.start)
            if step in (SERVED, REFRESHED):
                return way.result
            leads = False
            if step in (LEADS, LOADS_ALONE):
                entering = way.enter()
                if entering == IN_LINE and way.old():
                    way.let_go()
                    return way.result
                leads = await stand_in_line(way) if entering == IN_LINE else entering == ENTERED
            if not await follow(way, leads):
                way.out_of_time()
                return way.result
            if way.answer():
                return way.result
    except BaseException:
        way.let_go()
        raise


async def go_rounds(way: Rounds, refreshes: Refreshes) -> Any:
    """Takes a call for many keys to its answer."""
    try:
        while way.begin():
            way.leave_behind(refreshes.start_many)
            entering = way.enter()
            leads = await stand_in_line(way) if entering == IN_LINE else entering == ENTERED
            way.join()
            if leads:
                way.lead(partial(Load, asyncio.get_running_loop()))
            while way.next():
                if await follow(way, leads=False):
                    way.answer()
                else:
                    way.out_of_time()
        return way.result
    except BaseException:
        way.let_go()
        raise


async def follow(way: Approach | Rounds, leads: bool) -> bool:
    """Waits for the flight; False: for as long as this caller will.

    :param leads: whether this call is to load it.
    """
    # Before the load begins: it is cancelled when nobody watches it any more.
    watch = Watch(way.flight)
    try:
        to_the_end = way.waits()
        if leads:
            way.lead(partial(Load, watch.loop))
        if to_the_end:
            await watch
            ended = True
        else:
            ended = await wait_for_end(way, watch)
    except BaseException:
        way.leave(watch.leave())
        raise
    if not ended and watch.leave() != -1:
        way.look_away()
        return False
    way.waited()
    return True


async def wait_for_end(way: Way, seat: Seat) -> bool:
    """Whether the flight ended while the caller was willing to wait."""
    soft, left = way.patience, way.time_left
    if soft is not None and way.has_old():
        if await wait_on(seat, soft if left is None else min(soft, left)):
            return True
        if way.has_old():
            return False
        seat.renew()
        if way.over:
            return True
    return await wait_on(seat, way.time_left)


async def stand_in_line(way: Approach | Rounds) -> bool:
    """Waits for a place in the bulkhead; False: another has taken the load over, which is then to be waited for."""
    line = InLine(way)
    try:
        line.stand()
        await wait_on(line, way.time_left)
        if line.is_admitted():
            return line.enter()
        way.turn_away()
        return False
    finally:
        line.leave()


taken_here["tasks"] = _places_taken
