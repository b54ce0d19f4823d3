"""What a cache tells the logger "fastcache": rarely, and never at the cache's expense.

    _slots    ten instants from which a record may be written again; who takes one out may write
    _untold   one token for each record that was not written for want of a slot
    _here     whether this thread is writing a record; what its handlers do to the cache is only counted
    _useful   a token until it was told that refreshing early is not

A handler may be slow, raise, use the cache or wait for a lock.  So nothing is held while it runs, and these methods are
to be called when a flight has ended and its place has been left: else a handler that waits for that very flight, with
the handler's own lock held, would wait for ever.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

# Most records a second.
RATE = 10
# Most characters of what stands for a key or an error.
SHOWN = 100
# Those of the module logging, which is imported late.
INFO, WARNING = 20, 30


def shown(thing: object) -> str:
    """The repr of an object, cut; its type if it has none."""
    try:
        text = repr(thing)
    except Exception:
        return f"<a {type(thing).__name__} without repr>"
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


class RefreshLog:
    """Tells of one cache's loads; each method writes a record or counts it as not written, and raises nothing.

    :param name: of the cache.
    :param now: the time in seconds; for tests.

    Only what a handler raises that is not an Exception, as an interrupt, gets through.
    """

    __slots__ = ("_here", "_name", "_now", "_slots", "_untold", "_useful")

    def __init__(self, name: str, now: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._now = now
        self._slots = deque([float("-inf")] * RATE)
        self._untold: deque[None] = deque()
        self._useful: deque[None] = deque([None])
        self._here = threading.local()

    def failed(self, key: object, error: BaseException, failures: int, retry_in: float) -> None:
        """A load of ``key`` failed, for the ``failures``-th time in a row; told for the first, second, fourth, ...

        :param retry_in: seconds in which it will not be tried again.
        """
        if failures & (failures - 1) == 0:
            self._tell(
                WARNING,
                "the load of %s failed, %d in a row, next try in %.3g s: %s",
                lambda: (shown(key), failures, retry_in, shown(error)),
            )

    def recovered(self, key: object, failures: int) -> None:
        """A load of ``key`` succeeded after ``failures`` in a row that did not."""
        self._tell(INFO, "the load of %s succeeded, after %d that failed", lambda: (shown(key), failures))

    def superseded(self, key: object, age: float) -> None:
        """A load of ``key`` has taken ``age`` seconds, and another was started beside it."""
        self._tell(WARNING, "the load of %s has taken %.3g s; another is started", lambda: (shown(key), age))

    def useless(self, ttl: float, load_time: float) -> None:
        """Loads take longer than values live, both in seconds, so that refreshing early is in vain; told once."""
        try:
            self._useful.pop()
        except IndexError:
            return
        text = "a load takes %.3g s and a value lives %.3g s; refreshing it early is in vain"
        if not self._tell(WARNING, text, lambda: (load_time, ttl)):
            self._useful.append(None)

    def _tell(self, level: int, text: str, values: Callable[[], tuple[object, ...]]) -> bool:
        """Writes a record if it may; whether it has."""
        if getattr(self._here, "writing", False):
            self._untold.append(None)
            return False
        self._here.writing = True
        try:
            logger = _logger()
            if not logger.isEnabledFor(level):
                return False
            if not self._take_slot():
                self._untold.append(None)
                return False
            text, told = "cache %s: " + text, (self._name, *values())
            if untold := self._take_untold():
                text, told = text + " (not written before it: %d)", (*told, untold)
            logger.log(level, text, *told)
        except Exception:
            return False
        finally:
            self._here.writing = False
        return True

    def _take_slot(self) -> bool:
        now = self._now()
        try:
            slot = self._slots.popleft()
        except IndexError:
            # Other threads look at them all.
            return False
        # The one that is free next stays the first.
        if now < slot:
            self._slots.appendleft(slot)
            return False
        self._slots.append(now + 1)
        return True

    def _take_untold(self) -> int:
        count = 0
        with contextlib.suppress(IndexError):
            while True:
                self._untold.pop()
                count += 1
        return count


def _logger() -> logging.Logger:
    # When something is to be told, not with the package: most programs never need it.
    import logging

    logger = logging.getLogger("fastcache")
    if not logger.handlers:
        # As is the custom of libraries: without a handler of the program's, nothing is written anywhere.
        logger.addHandler(logging.NullHandler())
    return logger
