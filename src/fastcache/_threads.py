"""Threads in which foreground loads run at once: one that is idle, else a new one.  One set for all caches.

    _idle      for each thread that waits for work, its inbox; who pops one may put a call there
    _threads   all of them, for the end of the process

A thread that leaves says so and then looks into its inbox once more; who puts a call there looks whether it has left
after that, and takes the call back.  So of the two one has the call, however long either was held up, and the idle
threads are those whose inboxes nobody has popped.  Containers with atomic operations, where a lock would be a deadlock
with a finalizer or signal handler that starts a load in their midst.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
import time
from _queue import Empty, SimpleQueue
from collections.abc import Callable, Mapping

from fastcache._core.greenlet import greenlets_are_there
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# Seconds without work after which a thread leaves.
IDLE = 10.0
# Seconds that the end of the process waits for loads under way.
EXIT_PATIENCE = 0.2


class _Inbox:
    """Where an idle thread is given one call, or None, which tells it to leave."""

    __slots__ = ("calls", "left")

    def __init__(self) -> None:
        self.calls: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self.left = False


_idle: dict[_Inbox, None] = {}
_threads: set[threading.Thread] = set()
_ended = False


def start(run: Callable[[], object]) -> None:
    """Calls ``run()`` in a daemon thread at once, never behind another call.

    Whatever ``run`` raises ends with it.  RuntimeError: no thread can be started, or the process is ending; ``run`` has
    not been called and will not be.  After any other exception, most likely of a signal handler, it will not be called
    either, unless it has begun.
    """
    # Emptied by whoever is to make the call, or to see that nobody will.
    call = [run]
    try:
        _hand_over(lambda: call.pop()())
    except MemoryError as error:
        # Whoever takes it out decides whether it is made.
        with contextlib.suppress(IndexError):
            call.pop()
            raise RuntimeError("no memory for a thread") from error
        raise
    except BaseException:
        call.clear()
        raise


def _hand_over(run: Callable[[], object]) -> None:
    if _ended:
        raise RuntimeError("the process is ending")
    if _are_eventlets():
        raise RuntimeError("whoever waited for such a thread would stop it")
    while True:
        try:
            inbox, _ = _idle.popitem()
        except KeyError:
            break
        inbox.calls.put(run)
        if not inbox.left:
            return
        try:
            inbox.calls.get_nowait()
        except Empty:
            return
    thread = threading.Thread(target=_work, args=(run,), name="fastcache-load", daemon=True)
    thread.start()


def _work(run: Callable[[], object] | None) -> None:
    # After a fork, the thread that forked is none of the child's.
    me, threads = threading.current_thread(), _threads
    threads.add(me)
    try:
        while run is not None:
            # A loader that asks its thread to exit ends its load, not the thread.
            try:  # noqa: SIM105 - what is to be run is run, though there be no memory for anything else
                run()
            except BaseException:
                pass
            # Not kept while idle.
            run = None
            if threads is _threads and not _ended:
                run = _next()
    finally:
        threads.discard(me)


def are_greenlets() -> bool:
    """Whether new threads are greenlets, of gevent's or of eventlet's.

    Such a one runs in the hub of the thread that began it: it can be woken from there alone, and ends with it.  So none
    stays for work that is yet to come.
    """
    gevent = _patcher("gevent.monkey")
    return (gevent is not None and bool(gevent.is_module_patched("threading"))) or _are_eventlets()


def _are_eventlets() -> bool:
    eventlet = _patcher("eventlet.patcher")
    return eventlet is not None and bool(eventlet.is_monkey_patched("thread"))


def _patcher(name: str) -> Any:
    """What may have made greenlets of threads, if it has been imported; not looked for where there are no greenlets."""
    return imported(name) if greenlets_are_there() else None


def imported(name: str, modules: Mapping[str, Any] = sys.modules) -> Any:
    """One that somebody has imported, or None.

    Free-threaded 3.13 locks a dict for ``get``, that of a module for an object of another thread's like
    ``sys.modules``, and this one for names that other threads made; a fork might leave them locked.
    """
    return modules[name] if name in modules else None  # noqa: SIM401


def _next() -> Callable[[], object] | None:
    """Waits for a call; None if it is time to leave."""
    if are_greenlets():
        return None
    inbox = _Inbox()
    _idle[inbox] = None
    try:
        # The end of the process wakes those that it finds idle.
        return inbox.calls.get(timeout=0 if _ended else IDLE)
    except Empty:
        pass
    _idle.pop(inbox, None)
    inbox.left = True
    try:
        return inbox.calls.get_nowait()
    except Empty:
        return None


def reset_after_fork() -> None:
    """In the child: none of the threads are there."""
    global _idle, _threads
    _idle, _threads = {}, set()


def _leave() -> None:
    """At the end of the process: idle threads leave, and those that load have a moment to."""
    global _ended
    _ended = True
    threads = list(_threads)
    with contextlib.suppress(KeyError):
        while True:
            _idle.popitem()[0].calls.put(None)
    until = time.monotonic() + EXIT_PATIENCE
    for thread in threads:
        if thread is not threading.current_thread():
            # A thread that is only about to start cannot be joined.
            with contextlib.suppress(RuntimeError):
                thread.join(max(0.0, until - time.monotonic()))


# After the threads of the program have ended, which may load until then.
atexit.register(_leave)
