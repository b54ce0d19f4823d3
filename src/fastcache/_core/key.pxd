"""Keys: their hash, spread over all bits, and equality as far as it can be told without running Python."""

from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcmp

from fastcache._core.py cimport (
    PyASCIIObject, py_bytes_data, py_bytes_length, py_float_value, py_hash, py_int_type, py_is_bytes, py_is_float,
    py_is_int, py_is_str, py_is_tuple, py_str_data, py_str_kind, py_str_length, py_tuple_item,
    py_tuple_length, py_type,
)

cdef extern from "hash.h" nogil:
    uint64_t mul_fold "fc_mul_fold"(uint64_t, uint64_t) noexcept

cdef extern from *:
    """
    static inline int fc_int_equal(PyObject *a, PyObject *b)
    {
        PyObject *answer = PyLong_Type.tp_richcompare(a, b, Py_EQ);
        Py_DECREF(answer); /* True or False: never the last reference */
        return answer == Py_True;
    }
    """
    # On two exact ints: allocates nothing, raises nothing, checks no recursion limit.
    bint int_equal "fc_int_equal"(PyObject*, PyObject*) noexcept nogil

cdef enum Equality:
    NO
    YES
    ASK     # only Python code can tell


cdef inline uint64_t key_hash(PyObject* key) except? 0:
    """Python's hash of a key, mixed: the top bits choose a stripe, the low bits a place in its index.

    Calls ``__hash__`` of strangers: never under a lock.
    """
    cdef Py_hash_t h
    if py_is_str(key) and (<PyASCIIObject*>key).hash != -1:
        h = (<PyASCIIObject*>key).hash
    else:
        h = py_hash(key)
    return mul_fold(<uint64_t>h ^ <uint64_t>0xA0761D6478BD642FULL, <uint64_t>0xE7037ED1A0B428DBULL)


cdef inline Equality atom_equal(PyObject* a, PyObject* b) noexcept nogil:
    cdef Py_ssize_t n
    if a == b:
        return YES
    if py_is_str(a):
        if not py_is_str(b):
            return ASK
        n = py_str_length(a)
        if n != py_str_length(b) or py_str_kind(a) != py_str_kind(b):
            return NO
        return YES if memcmp(py_str_data(a), py_str_data(b), n * py_str_kind(a)) == 0 else NO
    if py_type(a) != py_type(b):
        return ASK
    if py_is_int(a):
        return YES if int_equal(a, b) else NO
    if py_is_bytes(a):
        n = py_bytes_length(a)
        if n != py_bytes_length(b):
            return NO
        return YES if memcmp(py_bytes_data(a), py_bytes_data(b), n) == 0 else NO
    if py_is_float(a):
        return YES if py_float_value(a) == py_float_value(b) else NO
    return ASK


cdef inline Equality key_equal(PyObject* a, PyObject* b) noexcept nogil:
    """Whether two keys of equal hash are equal; tuples of plain keys count as plain."""
    cdef Equality verdict
    cdef Py_ssize_t i
    if a == b:
        return YES
    if not (py_is_tuple(a) and py_is_tuple(b)):
        return atom_equal(a, b)
    if py_tuple_length(a) != py_tuple_length(b):
        return NO
    for i in range(py_tuple_length(a)):
        verdict = atom_equal(py_tuple_item(a, i), py_tuple_item(b, i))
        if verdict != YES:
            return verdict
    return YES
