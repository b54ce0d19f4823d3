"""Memory that has left a table while readers without a lock may still be looking at it; see shelf.h."""

from cpython.object cimport PyObject

cdef extern from "shelf.h" nogil:
    ctypedef struct Shelf "fc_shelf":
        pass
    # NULL when memory is out.  Words are zeroed, chunks are not.
    void* take_chunk "fc_take_chunk"(Shelf*, size_t size) noexcept
    void* take_words "fc_take_words"(Shelf*, size_t size) noexcept
    void shelve_chunk "fc_shelve_chunk"(Shelf*, void*, size_t size) noexcept
    void shelve_words "fc_shelve_words"(Shelf*, void*, size_t size) noexcept
    size_t shelf_bytes "fc_shelf_bytes"(const Shelf*) noexcept
    # Only while nobody can be looking.
    void shelf_empty "fc_shelf_empty"(Shelf*) noexcept

cdef extern from "shelf.h":
    # Calls visit(some object, arg), which returns 0, while no other thread is inside a section.
    void stop_world "fc_stop_world"(int (*visit)(PyObject*, void*) noexcept, void* arg) noexcept
