"""An awaitable whose value is there: what a hit costs an awaiting task is this one small object."""

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF

from collections.abc import Coroutine

cdef extern from "slots.h":
    void enable_send "fc_enable_send"(PyTypeObject*, PyObject* (*)(PyObject*))


@cython.final
@cython.freelist(16)
cdef class Ready:
    """A coroutine that has its result already; unlike others it may be left unawaited, or awaited again."""

    def __init__(self):
        raise TypeError("made by a cache, for a hit")

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration(self.value)

    def send(self, value, /):
        raise StopIteration(self.value)

    def throw(self, kind, value=None, traceback=None, /):
        if isinstance(kind, type):
            kind = kind() if value is None else value
        raise kind

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


enable_send(<PyTypeObject*>Ready, value_of)
Coroutine.register(Ready)
