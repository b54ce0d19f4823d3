"""What a task waits on: as much of a future as a task asks for, which any thread may bring to an end.

    TAKEN ---- settle ----> CALLED          the task goes on, and sees in ``come`` why
      |
      +------- cancel ----> CANCELLED       the task raises CancelledError

One task sits on a seat.  Seats of one loop are woken in rows: for all tasks that wait for one load, the loop gets a few
callbacks instead of one for each.
"""

cimport cython
from cpython.contextvars cimport PyContext_Enter, PyContext_Exit

from asyncio import CancelledError, _get_running_loop, get_running_loop


@cython.freelist(64)
cdef class Seat:
    def __init__(self):
        self.loop = get_running_loop()

    def wake(self):
        """From any thread: what was waited for has come."""
        wake_row([self])

    def settle(self, bint come, /):
        """In a callback of the loop: the wait is over, if it is not already."""
        self.call(come)

    cdef int call(self, bint come) except -1:
        if self.state == TAKEN:
            self.come = come
            self.state = CALLED
            self.resume()
        return 0

    def renew(self):
        """To wait once more; what comes between the two waits is not noticed."""
        self.state = TAKEN

    cdef int resume(self) except -1:
        """Lets the task go on, now."""
        wakeup, context = self.wakeup, self.context
        if wakeup is not None:
            self.wakeup = self.context = None
            PyContext_Enter(context)
            try:
                wakeup(self)
            finally:
                PyContext_Exit(context)
        return 0

    cdef object error(self):
        return CancelledError() if self.message is None else CancelledError(self.message)

    # ---- for the task that awaits it ----

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self.state == CANCELLED:
            raise self.error()
        if self.state == CALLED:
            raise StopIteration
        if self.wakeup is not None:
            raise RuntimeError("a seat is for one task")
        self._asyncio_future_blocking = True
        return self

    # ---- for the loop's machinery, in its own words ----

    def get_loop(self):
        return self.loop

    def done(self):
        return self.state != TAKEN

    def cancelled(self):
        return self.state == CANCELLED

    def result(self):
        if self.state == CANCELLED:
            raise self.error()

    def cancel(self, msg=None):
        if self.state != TAKEN:
            return False
        self.message = msg
        self.state = CANCELLED
        # Not now: whoever cancels may be the task of another.
        self.loop.call_soon(self._resume)
        return True

    def _resume(self):
        self.resume()

    def add_done_callback(self, fn, /, *, context=None):
        self.wakeup = fn
        self.context = context
        if self.state != TAKEN:
            self.loop.call_soon(self._resume)


@cython.final
cdef class Row:
    """Seats of one loop that are woken in one callback of it."""
    cdef list seats

    def __init__(self):
        raise TypeError("a row is made by who wakes it")

    def __call__(self):
        cdef Seat seat
        while self.seats:
            seat = self.seats.pop()
            try:
                seat.call(True)
            except BaseException:
                # An interrupt is one task's.
                if self.seats:
                    seat.loop.call_soon(self)
                raise


cdef int wake_row(list seats) except -1:
    """From any thread: what they wait for, all in one loop, has come.  If it raises, that is a signal handler's, and
    they are woken nevertheless.
    """
    cdef Row row = Row.__new__(Row)
    loop = (<Seat>seats[0]).loop
    row.seats = seats
    try:
        call_in(loop, row)
    except BaseException:
        call_in(loop, row)
        raise
    return 0


cdef int call_in(object loop, object callback) except -1:
    if _get_running_loop() is loop:
        loop.call_soon(callback)
        return 0
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        # A loop that has been closed has nobody to wake.
        if not loop.is_closed():
            raise
    return 0
