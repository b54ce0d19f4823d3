"""CPython's words for references and strings, on bare pointers: Cython's own take owned objects."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

cdef extern from "Python.h":
    ctypedef struct PyASCIIObject:
        Py_hash_t hash

    # None of these runs Python code or touches the collector: allowed under a lock.
    void py_incref "Py_INCREF"(PyObject*) noexcept nogil
    bint py_is_str "PyUnicode_CheckExact"(PyObject*) noexcept nogil
    bint py_is_int "PyLong_CheckExact"(PyObject*) noexcept nogil
    Py_ssize_t py_tuple_length "PyTuple_GET_SIZE"(PyObject*) noexcept nogil
    PyObject* py_tuple_item "PyTuple_GET_ITEM"(PyObject*, Py_ssize_t) noexcept nogil

    # These may run anything: never under a lock.
    void py_decref "Py_DECREF"(PyObject*) noexcept
    void py_xdecref "Py_XDECREF"(PyObject*) noexcept
    Py_hash_t py_hash "PyObject_Hash"(PyObject*) except -1
    int py_equal "PyObject_RichCompareBool"(PyObject*, PyObject*, int) except -1
    PyObject* py_vectorcall "PyObject_Vectorcall"(PyObject*, PyObject* const*, size_t, PyObject*)

    # Raw memory: no Python heap, no collector, no thread state.
    void* raw_alloc "PyMem_RawMalloc"(size_t) noexcept nogil
    void* raw_zeroed "PyMem_RawCalloc"(size_t, size_t) noexcept nogil
    void* raw_resize "PyMem_RawRealloc"(void*, size_t) noexcept nogil
    void raw_free "PyMem_RawFree"(void*) noexcept nogil

cdef extern from *:
    """
    #define fc_may_be_gc(o) PyType_IS_GC(Py_TYPE(o))
    #define fc_is_callable(o) (Py_TYPE(o)->tp_call != NULL)
    #define fc_tuple_items(t) (((PyTupleObject *)(t))->ob_item)
    """
    # Of a type that the collector follows, even where it does not follow this very object.
    bint py_may_be_gc "fc_may_be_gc"(PyObject*) noexcept nogil
    bint py_is_callable "fc_is_callable"(PyObject*) noexcept nogil
    PyObject** py_tuple_items "fc_tuple_items"(PyObject*) noexcept nogil

cdef extern from "slots.h":
    # Takes over a new reference.
    object steal "fc_steal"(PyObject*)

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define fc_assume(x) do { if (!(x)) __builtin_unreachable(); } while (0)
    #else
    #define fc_assume(x) ((void)0)
    #endif
    """
    # Cython's own words for a branch's usual way.
    bint likely(bint) noexcept nogil
    bint unlikely(bint) noexcept nogil
    # What always holds, and the compiler cannot know.
    void assume "fc_assume"(bint) noexcept nogil

cdef extern from "<stdint.h>":
    const int64_t FOREVER "INT64_MAX"
    const int64_t ALWAYS "INT64_MIN"
