"""Keys: their hash, spread over all bits, and equality as far as it can be told without running Python."""

from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from fastcache._core.py cimport PyASCIIObject, likely, py_hash, py_is_str

cdef extern from "hash.h" nogil:
    uint64_t mul_fold "fc_mul_fold"(uint64_t, uint64_t) noexcept

cdef extern from "equal.h" nogil:
    ctypedef enum Equality "enum fc_equality":
        NO "FC_NO"
        YES "FC_YES"
        ASK "FC_ASK"    # only Python code can tell

    # Ints of one digit, and what Python hashes them to.
    bint is_small_int "fc_is_small_int"(PyObject*) noexcept
    Py_hash_t small_int_hash "fc_small_int_hash"(PyObject*) noexcept
    # Of two keys of equal hash; tuples of plain keys count as plain.
    Equality key_equal "fc_key_equal"(PyObject*, PyObject*) noexcept


cdef inline uint64_t key_hash(PyObject* key) except? 0:
    """Python's hash of a key, mixed: the top bits choose a stripe, the low bits a place in its index.

    Calls ``__hash__`` of strangers: never under a lock.
    """
    cdef Py_hash_t h
    if likely(py_is_str(key) and (<PyASCIIObject*>key).hash != -1):
        h = (<PyASCIIObject*>key).hash
    elif is_small_int(key):
        h = small_int_hash(key)
    else:
        h = py_hash(key)
    return mul_fold(<uint64_t>h ^ <uint64_t>0xA0761D6478BD642FULL, <uint64_t>0xE7037ED1A0B428DBULL)
