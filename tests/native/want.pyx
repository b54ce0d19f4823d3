"""Want of memory, for tests: one allocation of the interpreter's fails, and no other.

For a process with one thread.  What CPython itself makes wrong where memory is short is kept out:

- From 3.12 on the instruction MAKE_FUNCTION drops its code once too often where there is no memory for the function.
  Codes have references to spare.
- On free-threaded builds PyList_New frees an array that it never set where there is no memory for the new one.  That
  allocation is not among those that fail.
"""

from cpython.object cimport PyObject

from fastcache._core.py cimport py_incref

import gc
from types import CodeType, FunctionType


cdef extern from *:
    """
    #if defined(Py_GIL_DISABLED) && defined(__GLIBC__)
    #include <dlfcn.h>
    #include <execinfo.h>
    #include <string.h>

    /* Whether the running allocation is that of a new list's array. */
    static int fc_for_new_list(void)
    {
        void *frames[8];
        Dl_info function;
        for (int n = backtrace(frames, 8); n-- > 0;)
            if (dladdr(frames[n], &function) && function.dli_sname != NULL
                && (strcmp(function.dli_sname, "PyList_New") == 0
                    || strcmp(function.dli_sname, "_PyList_FromArraySteal") == 0))
                return 1;
        return 0;
    }
    #else
    #define fc_for_new_list() 0
    #endif
    """
    bint for_new_list "fc_for_new_list"() noexcept nogil

cdef extern from "Python.h":
    ctypedef int Domain "PyMemAllocatorDomain"
    ctypedef struct Allocator "PyMemAllocatorEx":
        void* ctx
        void* (*malloc)(void*, size_t) noexcept nogil
        void* (*calloc)(void*, size_t, size_t) noexcept nogil
        void* (*realloc)(void*, void*, size_t) noexcept nogil
        void (*free)(void*, void*) noexcept nogil
    void get_allocator "PyMem_GetAllocator"(Domain, Allocator*) noexcept
    void set_allocator "PyMem_SetAllocator"(Domain, Allocator*) noexcept

cdef enum:
    DOMAINS = 3
    SPARE = 100_000

# Those of before, while ours are installed.
cdef Allocator usual[DOMAINS]
cdef bint installed = False
# Allocations that are still to succeed before the one that fails; negative once it has.
cdef long left = -1


cdef bint fails() noexcept nogil:
    global left
    if left < 0 or left == 0 and for_new_list():
        return False
    left -= 1
    return left < 0


cdef void* take(void* ctx, size_t size) noexcept nogil:
    return NULL if fails() else (<Allocator*>ctx).malloc((<Allocator*>ctx).ctx, size)


cdef void* take_zeroed(void* ctx, size_t count, size_t size) noexcept nogil:
    return NULL if fails() else (<Allocator*>ctx).calloc((<Allocator*>ctx).ctx, count, size)


cdef void* take_again(void* ctx, void* memory, size_t size) noexcept nogil:
    return NULL if fails() else (<Allocator*>ctx).realloc((<Allocator*>ctx).ctx, memory, size)


cdef void give(void* ctx, void* memory) noexcept nogil:
    (<Allocator*>ctx).free((<Allocator*>ctx).ctx, memory)


cdef void spare(object code):
    cdef int _
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            for _ in range(SPARE):
                py_incref(<PyObject*>inner)
            spare(inner)


def prepare():
    """Once, before the first want, when all that is to be called is imported, but for what comes late."""
    for late in ("_copies", "_methods", "_namespace", "_sizes"):
        __import__(f"fastcache.{late}")
    for function in gc.get_objects():
        if isinstance(function, FunctionType):
            spare(function.__code__)


def begin(long nth):
    """From now on the allocation after ``nth`` others fails."""
    global left, installed
    cdef Allocator ours
    cdef int domain
    # The first time it loads a library.
    for_new_list()
    ours.malloc, ours.calloc, ours.realloc, ours.free = take, take_zeroed, take_again, give
    left = nth
    if installed:
        return
    installed = True
    for domain in range(DOMAINS):
        get_allocator(domain, &usual[domain])
        ours.ctx = &usual[domain]
        set_allocator(domain, &ours)


def end():
    """No allocation fails any more; whether one has."""
    global left, installed
    cdef bint failed = left < 0
    cdef int domain
    left = -1
    if installed:
        installed = False
        for domain in range(DOMAINS):
            set_allocator(domain, &usual[domain])
    return failed
