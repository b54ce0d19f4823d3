"""How long a task sits on a seat."""

from __future__ import annotations

from fastcache._core.seat import Seat


async def wait_on(seat: Seat, seconds: float | None) -> bool:
    """Whether it came in time."""
    if seconds is None:
        await seat
        return True
    timer = seat.loop.call_later(seconds, seat.settle, False)
    try:
        await seat
    finally:
        timer.cancel()
    return seat.come
