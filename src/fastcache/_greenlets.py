"""How greenlets of gevent wait for a load: their thread's hub runs on, and with it whoever loads in that thread.

gevent is never imported here: who has not, has no greenlets.  Where it is there when a cache is made, each load asks
whether a greenlet makes it, and each wait for another's load is one of the hub's.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from fastcache._core.bell import Bell
from fastcache._core.graph import know_greenlets

if TYPE_CHECKING:
    from fastcache._core.flight import Flight

# The native identity of the main thread, whatever has been patched since.
_main = threading.main_thread().ident
_known = False


def look() -> None:
    """When a cache is made: whether there may be greenlets."""
    global _known
    if not _known and "gevent.hub" in sys.modules:
        know_greenlets(sys.modules[__name__])
        _known = True


def _hub() -> Any:
    """That of this thread, or None; in the main thread, where greenlets are mostly begun, there always is one."""
    hub = sys.modules["gevent._hub_local"].get_hub_if_exists()
    if hub is None and sys.modules["gevent.monkey"].get_original("_thread", "get_ident")() == _main:
        hub = sys.modules["gevent.hub"].get_hub()
    return hub


def runs() -> bool:
    """Whether a greenlet that may wait runs: any but the hub itself."""
    hub = _hub()
    return hub is not None and sys.modules["greenlet"].getcurrent() is not hub


def wait(flight: Flight, seconds: float | None) -> None:
    """Returns at the end of a load, or after so many seconds; other greenlets run meanwhile.

    LoadCycleError: it could never end.  Whatever another greenlet throws into this one comes out of it.
    """
    hub = _hub()
    waiter = sys.modules["gevent.hub"].Waiter(hub)
    # What may be pulled from any thread.
    rope = hub.loop.async_()
    rope.start(waiter.switch, None)
    rung, left = False, 0
    try:
        bell = Bell(flight, rope.send)
        try:
            with sys.modules["gevent"].Timeout(seconds, False):
                waiter.get()
                rung = True
        finally:
            left = bell.leave()
    finally:
        rope.stop()
        # Who is about to pull it must still find it.
        if rung or left >= 0:
            rope.close()
