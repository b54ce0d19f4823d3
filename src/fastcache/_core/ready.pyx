"""An awaitable whose value is there: what a hit costs an awaiting task is this one small object."""

cimport cython
from cpython.object cimport PyObject, PyTypeObject, inquiry, traverseproc, visitproc
from cpython.ref cimport Py_INCREF

from collections.abc import Coroutine

cdef extern from "ready.h":
    PyObject* exchange "fc_exchange"(PyObject**, PyObject*) noexcept
    # NULL with an exception.
    PyObject* stop_new "fc_stop_new"(PyObject*) noexcept
    void stop_free "fc_stop_free"(PyObject*) noexcept
    void stop_raise "fc_stop_raise"(PyObject*) noexcept
    void enable_await "fc_enable_await"(
        PyTypeObject*, PyObject* (*)(PyObject*) noexcept, PyObject* (*)(PyObject*) noexcept,
    )

cdef extern from "slots.h":
    void extend_gc "fc_extend_gc"(PyTypeObject*, traverseproc, inquiry)


@cython.final
@cython.freelist(16)
cdef class Ready:
    """A coroutine that has its result already; unlike others it may be left unawaited, or awaited again."""

    def __init__(self):
        raise TypeError("made by a cache, for a hit")

    def __dealloc__(self):
        stop_free(exchange(&self.stop, NULL))

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration(self.value)

    def send(self, value, /):
        raise StopIteration(self.value)

    def throw(self, kind, value=None, traceback=None, /):
        # A generator that has not begun raises what it is given, or says what is wrong with that, as a coroutine does.
        (nothing for nothing in ()).throw(kind, value, traceback)

    def close(self):
        pass


cdef Ready ready(object value):
    cdef Ready made = Ready.__new__(Ready)
    made.value = value
    return made


cdef PyObject* value_of(PyObject* self) noexcept:
    value = (<Ready>self).value
    Py_INCREF(value)
    return <PyObject*>value


cdef PyObject* next_of(PyObject* self) noexcept:
    cdef PyObject* stop = stop_new(<PyObject*>(<Ready>self).value)
    if stop != NULL:
        Py_INCREF(<object>stop)
        stop_free(exchange(&(<Ready>self).stop, stop))
        stop_raise(stop)
    return NULL


cdef int ready_visit(PyObject* self, visitproc visit, void* arg) noexcept:
    cdef PyObject* stop = (<Ready>self).stop
    return 0 if stop == NULL else visit(stop, arg)


cdef int ready_clear(PyObject* self) noexcept:
    stop_free(exchange(&(<Ready>self).stop, NULL))
    return 0


enable_await(<PyTypeObject*>Ready, value_of, next_of)
extend_gc(<PyTypeObject*>Ready, <traverseproc>ready_visit, <inquiry>ready_clear)
Coroutine.register(Ready)
