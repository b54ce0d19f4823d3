"""Walks over the graph of waits: from a flight to those that its leader waits for, and on.

Its mutex is held; nothing here takes a lock, changes a reference or runs Python.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.flight cimport RUNNING, Flight, Wait


cdef inline bint is_same_load(PyObject* a, PyObject* b) noexcept:
    """Whether two flights are one, or are led by one task, as those of keys that it loads together."""
    return a == b or ((<Flight>a).task is not None and (<Flight>a).task is (<Flight>b).task)


cdef inline PyObject* parent_of(PyObject* flight) noexcept:
    return <PyObject*>(<Flight>flight).parent if (<Flight>flight).parent is not None else NULL


cdef inline bint is_led_within(PyObject* flight, PyObject* leading) noexcept:
    """Whether a flight is ``leading`` or one of those in whose loads that was begun."""
    cdef PyObject* outer
    cdef PyObject* parent
    while leading != NULL:
        if is_same_load(leading, flight):
            return True
        outer, parent = (<Flight>leading).outer, parent_of(leading)
        if outer != NULL and parent != NULL and is_led_within(flight, parent):
            return True
        leading = outer if outer != NULL else parent
    return False


cdef inline void walk_to(PyObject* flight, PyObject* origin, int64_t walk, PyObject** rest) noexcept:
    """Puts a flight before the rest that the walk has still to come to, unless it has been there."""
    if (<Flight>flight).walk != walk:
        (<Flight>flight).walk = walk
        (<Flight>flight).walked_from = origin
        (<Flight>flight).walk_next = rest[0]
        rest[0] = flight


cdef inline void walk_waits(Wait* wait, PyObject* origin, int64_t walk, PyObject** rest) noexcept:
    while wait != NULL:
        walk_to(wait.flight, origin, walk, rest)
        wait = wait.earlier


cdef inline PyObject* leads_back(
    PyObject* start, PyObject* mine, unsigned long thread, Wait* standing, int64_t walk,
) noexcept:
    """Whether the leader of ``start`` waits, through any number of others, for who loads ``mine``, or for the loop of
    ``thread`` (0: none): the flight that does, from which ``walked_from`` leads to the start; or NULL.

    A thread that waits stops the loop or hub that runs in it, so all that load there wait for the same.  The graph's
    mutex is held.  No flight is come to twice.  ``standing`` are the waits of such threads; ``walk`` is a number which
    no walk had before.
    """
    cdef PyObject* at
    cdef PyObject* within
    cdef PyObject* rest = NULL
    cdef Wait* wait
    cdef bint on_loop
    walk_to(start, NULL, walk, &rest)
    while rest != NULL:
        at = rest
        rest = (<Flight>at).walk_next
        on_loop = ((<Flight>at).on_loop or (<Flight>at).in_greenlet) and (<Flight>at).state <= RUNNING
        if is_led_within(at, mine) or (on_loop and (<Flight>at).owner == thread):
            return at
        within = at
        while within != NULL:
            walk_waits((<Flight>within).waits, at, walk, &rest)
            within = (<Flight>within).inner
        within = parent_of(at)
        if within != NULL and is_same_load(within, at):
            # What a task loads together waits as one, for which that stands.
            walk_waits((<Flight>within).waits, at, walk, &rest)
        wait = standing if on_loop else NULL
        while wait != NULL:
            if wait.thread == (<Flight>at).owner:
                walk_to(wait.flight, at, walk, &rest)
            wait = wait.earlier_thread
    return NULL
