"""The key of a call: its arguments, told apart as functools.lru_cache does.

    f("a")          "a", and so for any exact str or int that is the only argument
    f(a, b)         (a, b)
    f(a, x=b, y=c)  (a, NAMED, "x", b, "y", c)
    typed           the types of all arguments behind that
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM

from fastcache._core.calls cimport Call, call_length
from fastcache._core.py cimport py_is_int, py_is_str


cdef inline tuple items_of(object state):
    """What a list or dict adds to a key, as it is now."""
    return tuple(state) if isinstance(state, list) else tuple(sorted(state.items()))


cdef inline object callkey_make(const Call* call, Py_ssize_t skipped, bint typed, bint ordered, object mark):
    """Without the ``skipped`` leading arguments, of which there must be so many.

    ``ordered``: by the names of arguments, whatever their order in the call; otherwise that counts.  ``mark`` stands
    between positional and named arguments.
    """
    cdef Py_ssize_t length = call_length(call) - skipped
    cdef Py_ssize_t positional = call.positional - skipped
    cdef Py_ssize_t named = length - positional
    cdef Py_ssize_t size = 0
    cdef Py_ssize_t i
    cdef PyObject* const* args = call.args + skipped
    cdef list order = None
    if not typed and length == 1 and positional == 1 and (py_is_str(args[0]) or py_is_int(args[0])):
        return <object>args[0]
    if ordered and named > 1:
        order = sorted(range(named), key=(<tuple>call.names).__getitem__)
    key = PyTuple_New(positional + (1 + 2 * named if named > 0 else 0) + (length if typed else 0))
    for i in range(positional):
        size = put(key, size, <object>args[i])
    if named > 0:
        size = put(key, size, mark)
    for i in range(named):
        if order is not None:
            i = order[i]
        size = put(key, size, (<tuple>call.names)[i])
        size = put(key, size, <object>args[positional + i])
    if typed:
        for i in range(positional):
            size = put(key, size, type(<object>args[i]))
        for i in range(named):
            if order is not None:
                i = order[i]
            size = put(key, size, type(<object>args[positional + i]))
    return key


cdef inline Py_ssize_t put(object key, Py_ssize_t at, object item):
    Py_INCREF(item)
    PyTuple_SET_ITEM(key, at, item)
    return at + 1
