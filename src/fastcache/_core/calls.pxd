"""Calls yet to be made: as vectorcall takes them, and packed into tuples to be made later."""

from cpython.object cimport PyObject

from fastcache._core.py cimport py_tuple_item, py_tuple_items, py_tuple_length

# Everything is borrowed.
cdef struct Call:
    PyObject* function
    PyObject* const* args   # those by name follow the positional ones
    size_t positional
    PyObject* names         # tuple, or NULL


cdef inline size_t call_length(const Call* call) noexcept:
    """How many arguments of both kinds."""
    return call.positional + (py_tuple_length(call.names) if call.names != NULL else 0)


cdef inline tuple call_packed(const Call* call):
    """(function, all arguments, names): owns what the call borrows."""
    cdef size_t i
    args = tuple([<object>call.args[i] for i in range(call_length(call))])
    return <object>call.function, args, <object>call.names if call.names != NULL else ()


cdef inline tuple call_packing(object function, tuple args, dict kwargs):
    return function, args + tuple(kwargs.values()), tuple(kwargs)


cdef inline void call_unpack(tuple packed, Call* call) noexcept:
    """Borrows from a packed call."""
    cdef PyObject* args = py_tuple_item(<PyObject*>packed, 1)
    cdef PyObject* names = py_tuple_item(<PyObject*>packed, 2)
    call.function = py_tuple_item(<PyObject*>packed, 0)
    call.args = py_tuple_items(args)
    call.names = names if py_tuple_length(names) > 0 else NULL
    call.positional = py_tuple_length(args) - py_tuple_length(names)
