"""The home of an event loop: what is lost with the loop when that is closed.

Nobody is told when a loop is closed, but what it had scheduled is thrown away then.  So a home is held by nothing but a
timer of its loop, which never comes; when the home goes, it tells all who live in it.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref

from fastcache._core.residence import Residence

# Seconds; then the timer is set anew.
AGES = 1e8


class Home(Residence):
    """Where those live who are lost with one loop: they are told by whatever thread closed it, in a finalizer."""

    __slots__ = ("loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Not a reference: the loop lives at least as long as its home.
        self.loop = id(loop)
        self._stay(loop)

    def _stay(self, loop: asyncio.AbstractEventLoop) -> None:
        # The first resident's context is not the loop's to keep.
        loop.call_later(AGES, self._stay, loop, context=contextvars.Context())


class _Here(threading.local):
    home: weakref.ref[Home] | None = None


_here = _Here()


def home_here() -> Home | None:
    """That of the loop which runs in this thread, or ran here last."""
    return None if _here.home is None else _here.home()


def reset_after_fork() -> None:
    """In the child: those who live in the parent's homes do not live here."""
    global _here
    _here = _Here()


def home_of(loop: asyncio.AbstractEventLoop) -> Home:
    """The home of the loop that runs in this thread.  Whoever keeps it must do so by a weak reference."""
    home = home_here()
    if home is None or home.loop != id(loop):
        home = Home(loop)
        _here.home = weakref.ref(home)
    return home
