"""What a task waits on."""

cdef enum SeatState:
    TAKEN       # nothing has come yet
    CALLED      # it has come, or the time is up
    CANCELLED   # the task is to raise CancelledError

cdef class Seat:
    """Touched by the thread of its loop only, but for ``loop`` and ``wake``."""
    cdef readonly object loop
    cdef readonly bint come     # what CALLED means
    cdef SeatState state
    cdef object message         # of the cancellation, or None
    cdef object wakeup          # resumes the task that sits here, or None; called once, in `context`
    cdef object context
    # asyncio's: a task that has been given the seat to wait on sets it back.
    cdef public bint _asyncio_future_blocking

    cdef int call(self, bint come) except -1
    cdef int resume(self) except -1
    cdef object error(self)

cdef int wake_row(list seats) except -1
