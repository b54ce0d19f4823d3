"""What a reader without a lock may do: see single words, compare keys, and try to take a reference."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcache._core.key cimport Equality
from fastcache._core.seqlock cimport SeqLock

cdef extern from "glimpse.h" nogil:
    void* see_pointer "fc_see_pointer"(void**) noexcept
    uint32_t see_u32 "fc_see_u32"(const uint32_t*) noexcept
    uint8_t see_u8 "fc_see_u8"(const uint8_t*) noexcept
    int64_t see_i64 "fc_see_i64"(const int64_t*) noexcept
    void leave_u8 "fc_leave_u8"(uint8_t*, uint8_t) noexcept
    Equality glimpse_equal "fc_glimpse_equal"(PyObject* stored, PyObject* mine, const SeqLock*, uint64_t) noexcept
    Equality glimpse_items "fc_glimpse_items"(
        PyObject* stored, PyObject* const* items, Py_ssize_t, const SeqLock*, uint64_t,
    ) noexcept
    # Before an object is published: whether it may be read without a lock, and the leave to try.
    bint py_readable "fc_readable"(PyObject*) noexcept
    void py_enable_try "fc_enable_try"(PyObject*) noexcept
    # 0: no reference; 1: a new one; 2: none was needed, and none is to be given back.
    int py_try_incref "fc_try_incref"(PyObject*) noexcept

cdef extern from "Python.h" nogil:
    # With nothing locked; the thread is attached though Cython does not know it.
    void py_give_back "Py_DECREF"(PyObject*) noexcept
